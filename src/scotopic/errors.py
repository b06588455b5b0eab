"""Every exception scotopic raises on purpose.

    ScotopicError
    ├── ImageError               something about a picture file
    │   ├── UnreadableImageError     missing, empty, truncated, corrupt, not a picture
    │   ├── UnsupportedImageError    a real format, but one this installation cannot decode or encode
    │   ├── ImageTooLargeError       more pixels than the cap allows
    │   └── WriteError               no space, no permission, no such folder
    │       └── OutputExistsError    the file is there and overwriting was not asked for
    ├── ModelError               something about a model folder
    │   ├── ModelNotFoundError       no such name in the zoo, no such folder
    │   ├── CardError                the card is missing, malformed or contradicts its graphs
    │   ├── CorruptModelError        a graph is not the file its card vouches for
    │   └── LightMismatchError       the picture's light is not what the model was made for
    ├── TrainingError            something about a training run
    │   ├── RecipeError              a recipe that cannot be followed
    │   ├── DataError                training data that is missing, empty or broken
    │   ├── CheckpointError          a checkpoint that does not fit
    │   └── DivergedError            the loss became infinite or not a number
    ├── ScoreError               pictures that a metric cannot score: two sizes, bytes, too small, no numbers
    ├── ControlError             a control (strength, exposure, threads …) outside its range
    │   ├── RawOnlyError             a control for camera raws (ratio, profile), and the picture is none
    │   └── NoDenoiserError          a control for denoisers (tier best, denoise), and the picture's model has none
    └── MissingExtraError        an optional dependency is needed and absent

A message finishes the sentence: what was wrong, what we got, what to do.
"""

from __future__ import annotations


class ScotopicError(Exception):
    """Root of the tree: catching it catches everything scotopic raises on purpose."""


class ImageError(ScotopicError):
    """Something about a picture file."""


class UnreadableImageError(ImageError):
    """The file is missing, empty, truncated, corrupt or not a picture."""


class UnsupportedImageError(ImageError):
    """A real format or feature that this installation cannot decode or encode."""


class ImageTooLargeError(ImageError):
    """More pixels than the cap allows, judged from the header before anything is allocated."""


class WriteError(ImageError):
    """The output could not be written; nothing half-written is left behind."""


class OutputExistsError(WriteError):
    """The output file exists and overwriting was not asked for."""


class ModelError(ScotopicError):
    """Something about a model folder."""


class ModelNotFoundError(ModelError):
    """No model of that name in the zoo, and no folder at that path."""


class CardError(ModelError):
    """The card is missing, malformed or contradicts the graphs beside it."""


class CorruptModelError(ModelError):
    """A graph's SHA-256 is not the one on the card."""


class LightMismatchError(ModelError):
    """The picture's light (sRGB, linear, packed raw) is not what the model was made for."""


class TrainingError(ScotopicError):
    """Something about a training run."""


class RecipeError(TrainingError):
    """A recipe that cannot be followed: unknown key, wrong type, value out of range."""


class DataError(TrainingError):
    """Training data that is missing, empty or broken."""


class CheckpointError(TrainingError):
    """A checkpoint that does not fit the recipe, or is damaged."""


class DivergedError(TrainingError):
    """A loss became infinite or not a number."""


class ScoreError(ScotopicError):
    """Pictures that a metric cannot score: of two sizes, of bytes, too small, with values that are no numbers."""


class ControlError(ScotopicError):
    """A control (strength, exposure, threads …) outside its range."""


class RawOnlyError(ControlError):
    """A control for camera raws (ratio, profile), and the picture is none."""


class NoDenoiserError(ControlError):
    """A control for denoisers (tier best, denoise), and the picture's model has none."""


class MissingExtraError(ScotopicError):
    """An optional dependency is needed and absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed. Install them with: pip install 'scotopic[{extra}]'"
        )
