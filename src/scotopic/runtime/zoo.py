"""The shipped models, and how any model folder is opened."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import CardError, CorruptModelError, ModelNotFoundError
from .card import CARD_FILE, ApplyCard, Card, DecideCard, DenoiseCard, read_card

DEFAULT_MODEL = "scotopic"
"""For pictures."""
DEFAULT_RAW_MODELS = {"bayer": "ksigma_unet", "xtrans": "ksigma_unet_xtrans"}
"""For camera raws, by the sensor's pattern."""


@dataclass(frozen=True)
class Model:
    """A card and the graphs it vouches for, as ONNX bytes whose hash has been checked."""

    card: Card
    folder: Path
    decide: bytes | None
    apply: bytes | None
    denoise: bytes | None = None


def zoo_folder() -> Path:
    """Where the shipped models are, a folder each."""
    return Path(__file__).parents[1] / "zoo"


def list_models() -> list[str]:
    """Names of the shipped models, in alphabetical order."""
    return sorted(card.parent.name for card in zoo_folder().glob(f"*/{CARD_FILE}"))


def load_model(model: str | Path) -> Model:
    """A shipped model by name, or any model by its folder.

    Raises ModelNotFoundError, CardError, or CorruptModelError when a graph is not the file its card vouches for.
    """
    folder = _find(model)
    card = read_card(folder)
    decide, apply, denoise = (_read_graph(folder, graph) for graph in (card.decide, card.apply, card.denoise))
    return Model(card, folder, decide, apply, denoise)


def _find(model: str | Path) -> Path:
    path = Path(model)
    if path.is_dir():
        return path
    names = list_models()
    if str(model) in names:
        return zoo_folder() / str(model)
    import difflib

    close = difflib.get_close_matches(str(model), names, n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    shipped = f"Shipped models: {', '.join(names)}" if names else "This installation ships no models"
    raise ModelNotFoundError(f"no model '{model}'. {hint}{shipped}; or give the path of a model folder.")


def _read_graph(folder: Path, graph: DecideCard | ApplyCard | DenoiseCard | None) -> bytes | None:
    if graph is None:
        return None
    path = folder / graph.file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CardError(f"the card in '{folder}' names '{graph.file}', which is not there. Restore the file.") from None
    except OSError as error:
        raise CardError(f"cannot read '{path}': {error.strerror}. Check its permissions.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != graph.sha256:
        raise CorruptModelError(
            f"'{path}' is not the file its card vouches for: SHA-256 is {found[:12]}…, the card says "
            f"{graph.sha256[:12]}…. Download or export the model again."
        )
    return data
