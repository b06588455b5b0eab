"""The card of a model: what its graphs cannot say, in `card.toml` beside them."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import CardError
from .curves import map_counts

CARD_FILE = "card.toml"


@dataclass(frozen=True)
class LightCard:
    """The light that goes in and comes out, in how many channels; `scale` is output width / input width."""

    input: Literal["srgb", "linear", "packed-raw"]
    output: Literal["srgb", "linear", "packed-raw"]
    channels_in: int
    channels_out: int
    scale: int = 1


@dataclass(frozen=True)
class RawCard:
    """What a model that takes packed raw was made for: whose sensor, and what its planes are (image/packed.py).

    "ratio": light times the ratio, clipped to [0, 1]. "k-sigma": white-balanced, and beside each plane of light the
    slope and the offset of its noise (and, for X-Trans, the phase of each block).
    """

    cfa: Literal["bayer", "xtrans"]
    normalisation: Literal["ratio", "k-sigma"]

    @property
    def planes(self) -> int:
        """Planes of light that a mosaic is packed into."""
        return {"bayer": 4, "xtrans": 9}[self.cfa]

    @property
    def scale(self) -> int:
        """How many times larger than its planes a mosaic is, each way."""
        return {"bayer": 2, "xtrans": 3}[self.cfa]

    @property
    def channels_in(self) -> int:
        """Channels that the graph takes."""
        return self.planes if self.normalisation == "ratio" else 3 * self.planes + (self.cfa == "xtrans")


@dataclass(frozen=True)
class DecideCard:
    """The graph that looks at a thumbnail: `low` (1, 3, h, w) sRGB -> `maps` (1, maps, h', w') in [-1, 1].

    `long_side` is the thumbnail's longest side, `multiple` what its sides must be multiples of, in pixels. What maps
    mean is said by `runtime.curves.apply_curves`.
    """

    file: str
    sha256: str
    long_side: int
    iterations: int
    maps: int
    multiple: int = 1
    kind: Literal["curves"] = "curves"


@dataclass(frozen=True)
class ApplyCard:
    """The graph that makes pixels: `low` (and `maps`, if there is a decision) -> `out`.

    `halo` is how far a pixel of the result looks, `multiple` what sides must be multiples of, both in input pixels
    (of packed raw: in pixels of a plane).
    """

    file: str
    sha256: str
    halo: int
    multiple: int = 1


@dataclass(frozen=True)
class DataCard:
    """A set of training data, whose it is and what its licence allows."""

    name: str
    licence: str
    credit: str
    url: str = ""


@dataclass(frozen=True)
class TrainingCard:
    """How the weights came to be."""

    recipe: str
    recipe_sha256: str
    data: tuple[DataCard, ...]
    hours: float
    machine: str
    steps: int
    date: str


@dataclass(frozen=True)
class DenoiseCard:
    """The graph that takes away the noise that brightening amplified: `low` and `bright` -> `out`, all (1, 3, h, w).

    `low` is the picture as it came, `bright` the same after the decision's curve. `halo` and `multiple` as in
    ApplyCard; `parameters` and `training` are this graph's own, as it is trained by itself.
    """

    file: str
    sha256: str
    halo: int
    parameters: int
    multiple: int = 1
    training: TrainingCard | None = None


@dataclass(frozen=True)
class ScoreCard:
    """Scores on one set by one protocol: as it is, and with GT-mean (one gain that equalises mean brightness)."""

    data: str
    protocol: str
    images: int
    psnr_db: float
    psnr_gt_mean_db: float
    ssim: float
    ssim_gt_mean: float
    command: str = ""


@dataclass(frozen=True)
class Card:
    """Everything `card.toml` holds. At least one of `decide` and `apply` is there; `raw` if the input is packed raw.

    With `denoise` the model has two tiers: fast is the decision alone, best takes away its noise too. `parameters` and
    `training` are those of the rest.
    """

    name: str
    title: str
    source: str
    licence: str
    parameters: int
    version: str
    light: LightCard
    decide: DecideCard | None = None
    apply: ApplyCard | None = None
    denoise: DenoiseCard | None = None
    raw: RawCard | None = None
    training: TrainingCard | None = None
    scores: tuple[ScoreCard, ...] = ()

    @property
    def graphs(self) -> list[DecideCard | ApplyCard | DenoiseCard]:
        """The graphs the card vouches for."""
        return [graph for graph in (self.decide, self.apply, self.denoise) if graph is not None]


def read_card(folder: str | Path) -> Card:
    """The card in a model folder. Raises CardError for a card that is missing, malformed or contradicts itself."""
    import tomllib

    path = Path(folder) / CARD_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CardError(
            f"'{folder}' has no {CARD_FILE}. A model is a folder with a card and its .onnx graphs."
        ) from None
    except OSError as error:
        raise CardError(f"cannot read '{path}': {error.strerror}. Check the path and its permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"'{path}' is not valid TOML: {error}. Fix that line or export the model again.") from error
    card: Card = _build(Card, table, where=str(path))
    _check(card, str(path))
    return card


def write_card(card: Card, folder: str | Path) -> None:
    """Writes `card.toml` into a model folder; `read_card` gives the same card back."""
    from .toml import dump_toml

    _check(card, f"the card of '{card.name}'")
    (Path(folder) / CARD_FILE).write_text(dump_toml(_table(card)), encoding="utf-8")


def _table(value: Any) -> Any:
    """Dataclasses as dicts, without the parts that are absent."""
    if is_dataclass(value):
        pairs = {item.name: getattr(value, item.name) for item in fields(value)}
        return {key: _table(part) for key, part in pairs.items() if part is not None and part != ()}
    if isinstance(value, tuple):
        return [_table(part) for part in value]
    return value


def _build(wanted: Any, value: Any, where: str) -> Any:
    """`value`, as TOML gives it, as the type `wanted`."""
    if is_dataclass(wanted):
        return _build_dataclass(wanted, value, where)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is UnionType:  # `X | None`: what is absent never gets here
        return _build(next(part for part in arguments if part is not NoneType), value, where)
    if origin is Literal:
        if value not in arguments:
            raise CardError(f"{where} wants one of {', '.join(map(repr, arguments))}, got {value!r}.")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise CardError(f"{where} wants a list, got {value!r}.")
        return tuple(_build(arguments[0], part, f"{where}[{index}]") for index, part in enumerate(value))
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:  # `is`, so that true is not taken for the number 1
        raise CardError(f"{where} wants {_NAMES[wanted]}, got {value!r}.")
    return value


_NAMES = {str: "a string", int: "a whole number", float: "a number"}


def _build_dataclass(wanted: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise CardError(f"{where} wants a table, got {value!r}.")
    known = {item.name: item for item in fields(wanted)}
    types = get_type_hints(wanted)
    for key in value:
        if key not in known:
            import difflib  # like the others above: half of what importing this module would cost, seldom needed

            close = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else f"It may hold: {', '.join(known)}."
            raise CardError(f"{where}: unknown key '{key}'. {hint}")
    needed = [name for name, item in known.items() if item.default is MISSING]
    missing = [name for name in needed if name not in value]
    if missing:
        raise CardError(f"{where}: missing {', '.join(map(repr, missing))}. Add it, or export the model again.")
    return wanted(**{key: _build(types[key], part, f"{where}: {key}") for key, part in value.items()})


def _check(card: Card, where: str) -> None:
    """What types cannot say."""

    def want(truth: bool, sentence: str) -> None:
        if not truth:
            raise CardError(f"{where}: {sentence}")

    light = card.light
    want(
        bool(card.decide or card.apply), "it has neither a [decide] nor an [apply] table, so the model can do nothing."
    )
    want(light.scale >= 1, f"light.scale must be at least 1, got {light.scale}.")
    want(light.channels_in >= 1 and light.channels_out >= 1, "light.channels_in and channels_out must be at least 1.")
    for graph in card.graphs:
        want(Path(graph.file).name == graph.file, f"a graph lies beside the card, got file '{graph.file}'.")
        digits = set(graph.sha256) <= set("0123456789abcdef") and len(graph.sha256) == 64
        want(digits, f"sha256 of '{graph.file}' must be 64 lower-case hexadecimal digits, got '{graph.sha256}'.")
        want(graph.multiple >= 1, f"multiple of '{graph.file}' must be at least 1, got {graph.multiple}.")
    if card.apply:
        want(card.apply.halo >= 0, f"apply.halo must be at least 0, got {card.apply.halo}.")
    if card.decide:
        decide = card.decide
        want(decide.long_side >= 1, f"decide.long_side must be at least 1, got {decide.long_side}.")
        want(decide.iterations >= 1, f"decide.iterations must be at least 1, got {decide.iterations}.")
        counts = " or ".join(map(str, map_counts(decide.iterations)))
        want(
            decide.maps in map_counts(decide.iterations),
            f"{decide.iterations} iterations want {counts} maps, got decide.maps = {decide.maps}.",
        )
        want(light.scale == 1, f"curves keep the size of a picture, so light.scale must be 1, got {light.scale}.")
    if card.denoise:
        denoise, ends = card.denoise, (light.input, light.output, light.scale)
        want(card.decide is not None, "a denoiser follows a decision: [denoise] wants a [decide] table beside it.")
        want(ends == ("srgb", "srgb", 1), f"[denoise] wants srgb light in and out, and scale 1, got {ends}.")
        want(denoise.halo >= 0, f"denoise.halo must be at least 0, got {denoise.halo}.")
        want(denoise.parameters >= 1, f"denoise.parameters must be at least 1, got {denoise.parameters}.")
    packed = light.input == "packed-raw"
    want(packed == (card.raw is not None), "a [raw] table and light.input = 'packed-raw' go together.")
    if card.raw:
        raw = card.raw
        want(card.apply is not None and card.decide is None, "packed raw is for a model of [apply] alone.")
        want(light.output != "packed-raw", "packed raw becomes 'srgb' or 'linear' light, got 'packed-raw'.")
        for key, due in (("channels_in", raw.channels_in), ("channels_out", 3), ("scale", raw.scale)):
            got = getattr(light, key)
            want(got == due, f"{raw.cfa} and {raw.normalisation} want light.{key} = {due}, got {got}.")
