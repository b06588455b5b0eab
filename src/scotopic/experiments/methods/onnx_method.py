"""Anybody's network as an .onnx file: what it takes and gives is found in its graph, or said by a small card."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.runtime.session import resolve_providers

from ...errors import CardError, ModelError

if TYPE_CHECKING:
    from ..sets.item import Item
    from .method import Facts, Image, Opened

Layout = Literal["", "nchw", "nhwc"]
Range = Literal["", "0..1", "-1..1", "0..255"]
LIMITS = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
WRONG_BELOW, WRONG_ABOVE = -0.1, 1.5
"""Where a quarter of a picture below black, or half of it above white, shows that its range is another one."""


@dataclass(frozen=True)
class OnnxCard:
    """What a graph does not say; a key that is left out is found in the graph, or is as here.

    `input` and `output` are names in the graph. `layout` and `range` are those of both; `output_range` of what comes
    out, where it differs. `light` is that of both. Sides are continued by their mirror image to multiples of
    `multiple`. `constants` are values for further inputs. `name`, `licence` and `source` are for tables.
    """

    name: str = ""
    licence: str = ""
    source: str = ""
    input: str = ""
    output: str = ""
    layout: Layout = ""
    range: Range = ""
    output_range: Range = ""
    channels: Literal["rgb", "bgr"] = "rgb"
    light: Literal["srgb", "linear"] = "srgb"
    multiple: int = 1
    constants: dict[str, Any] = field(default_factory=dict)


def read_onnx_card(path: Path) -> OnnxCard:
    """The card in a TOML file. Raises CardError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"The card '{path}' cannot be read: {error.strerror}. Give a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CardError(f"The card '{path}' is not valid TOML: {error}. Mend that line.") from error
    hints, known = get_type_hints(OnnxCard), [item.name for item in fields(OnnxCard)]
    for key, value in table.items():
        if key not in hints:
            close = get_close_matches(key, known, n=1)
            hint = f"Did you mean '{close[0]}'?" if close else f"It may hold: {', '.join(known)}."
            raise CardError(f"The card '{path}' has an unknown key '{key}'. {hint}")
        choices = [choice for choice in get_args(hints[key]) if isinstance(choice, str) and choice]
        if choices and value not in choices:
            raise CardError(f"The card '{path}' wants {key} to be one of {', '.join(choices)}, got {value!r}.")
        if not choices and key != "constants" and type(value) is not hints[key]:
            raise CardError(f"The card '{path}' wants {key} to be {_KINDS[hints[key]]}, got {value!r}.")
    if not isinstance(table.get("constants", {}), dict) or table.get("multiple", 1) < 1:
        raise CardError(f"The card '{path}' wants multiple to be at least 1, and constants to be a table [constants].")
    return OnnxCard(**table)


_KINDS = {str: "a text", int: "a whole number"}


def open_onnx(path: Path, card: str | Path | None, threads: int, device: str) -> Opened:
    """The graph in an .onnx file; its card is `card`, or the .toml beside it if there is one. Raises CardError."""
    import onnxruntime

    from .method import digest_of, providers_on, refuse_all_but_pictures

    beside = Path(card) if card is not None else path.with_suffix(".toml")
    has_card = card is not None or beside.is_file()
    said = read_onnx_card(beside) if has_card else OnnxCard()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only, as in runtime/session.py
    providers = resolve_providers(providers_on(device))
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime has a class for every status, and RuntimeError for the rest
        raise CardError(f"'{path}' is not a graph that ONNX Runtime can run: {error}. Export it again.") from error
    network = _Network(path.name, session, said)
    weights = [file for file in [path.with_name(f"{path.name}.data")] if file.is_file()]  # PyTorch's, of large graphs
    facts: Facts = {
        "title": said.name,
        "licence": said.licence,
        "source": said.source,
        "parameters": _parameters(path),
        "bytes": sum(file.stat().st_size for file in (path, *weights)),
        "sha256": digest_of(path, *weights, *([beside] if has_card else [])),
    }

    def enhance(item: Item) -> Image:
        return network(refuse_all_but_pictures(item.low(), path.name, item), item.name)

    return {key: value for key, value in facts.items() if value not in ("", 0)}, enhance


class _Network:
    """A session, and everything that must be known to give it pictures."""

    def __init__(self, name: str, session: Any, card: OnnxCard) -> None:
        self.name, self.session, self.card = name, session, card
        taken = _pick(name, "input", session.get_inputs(), card.input, set(card.constants))
        given = _pick(name, "output", session.get_outputs(), card.output, set())
        self.input, self.output = taken.name, given.name
        if taken.type not in TYPES:
            raise CardError(
                f"'{name}' takes {taken.type} as '{taken.name}', where float32, float16 or uint8 pixels were due. "
                "Choose another input, or export the graph again."
            )
        self.type = TYPES[taken.type]
        self.shape: list[Any] = list(taken.shape)
        self.layout = self._layout()
        self.range = card.range or ("0..255" if self.type is np.uint8 else "0..1")
        bytes_out = given.type == "tensor(uint8)"
        self.output_range = card.output_range or ("0..255" if bytes_out else card.range or "0..1")
        self.constants = {
            entry.name: _constant(name, entry, card.constants[entry.name])
            for entry in session.get_inputs()
            if entry.name in card.constants
        }

    def _layout(self) -> str:
        if len(self.shape) != 4:
            raise CardError(
                f"'{self.name}' takes '{self.input}' in the shape {self.shape}, where a picture has four sides: 1, 3, "
                "height, width or 1, height, width, 3. Choose another input, or export the graph again."
            )
        channels = {"nchw": self.shape[1], "nhwc": self.shape[3]}
        possible = [layout for layout, count in channels.items() if count == 3]
        if not any(isinstance(count, int) for count in channels.values()):  # the graph does not say
            possible = [*channels]
        if not possible or (self.card.layout and self.card.layout not in possible):
            wanted = f"layout = '{self.card.layout}'" if self.card.layout else "three channels"
            raise CardError(
                f"'{self.name}' takes '{self.input}' in the shape {self.shape}, which does not fit {wanted}. Mend the "
                "card, or export the graph for RGB pictures."
            )
        return self.card.layout or possible[0]

    def __call__(self, low: Image, name: str) -> Image:
        """The finished picture for `low`; `name` is what errors call it."""
        height, width = low.shape[:2]
        whole = self._taken(low)
        feed = {self.input: whole, **self.constants}
        try:
            out: NDArray[Any] = self.session.run([self.output], feed)[0]
        except Exception as error:  # a shape that the graph cannot do with, most of the time
            raise CardError(
                f"'{self.name}' cannot take '{self.input}' in the shape {whole.shape}, made of '{name}': {error}. If "
                "its sides must be multiples of a number, say so on its card: multiple = 32."
            ) from error
        return self._finished(out, whole.shape, height, width, name)

    def _taken(self, low: Image) -> NDArray[Any]:
        height, width = low.shape[:2]
        multiple = self.card.multiple
        pixels: Any = np.pad(low, ((0, -height % multiple), (0, -width % multiple), (0, 0)), mode="reflect")
        sides = self.shape[2:] if self.layout == "nchw" else self.shape[1:3]
        for side, got in zip(sides, pixels.shape[:2], strict=True):
            if isinstance(side, int) and side != got:
                raise ModelError(
                    f"'{self.name}' takes pictures of {sides[1]} x {sides[0]} alone, got {pixels.shape[1]} x "
                    f"{pixels.shape[0]}. Nothing is resized for scoring: export the graph with free height and width."
                )
        if self.card.light == "linear":
            pixels = srgb_to_linear(pixels)
        if self.card.channels == "bgr":
            pixels = pixels[..., ::-1]
        black, white = LIMITS[self.range]
        pixels = pixels * np.float32(white - black) + np.float32(black)
        if self.type is np.uint8:
            pixels = np.round(pixels)
        if self.layout == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[None], dtype=self.type)

    def _finished(self, out: NDArray[Any], taken: Sequence[int], height: int, width: int, name: str) -> Image:
        if out.ndim == 4 and self.layout == "nchw":
            out = out.transpose(0, 2, 3, 1)
        tall, wide = taken[2:] if self.layout == "nchw" else taken[1:3]
        scale = out.shape[1] // tall if out.ndim == 4 else 0
        if out.ndim != 4 or scale < 1 or out.shape != (1, scale * tall, scale * wide, 3):
            raise CardError(
                f"'{self.name}' gave '{self.output}' in the shape {out.shape} (as 1, height, width, channels) for a "
                f"picture of {wide} x {tall}, where three channels of that size, or a multiple of it, were due. Choose "
                f"another on its card: output = one of {', '.join(o.name for o in self.session.get_outputs())}."
            )
        pixels = out[0, : scale * height, : scale * width].astype(np.float32)
        if not np.isfinite(pixels).all():
            raise ModelError(f"'{self.name}' made values that are not numbers of '{name}'. Look at the picture.")
        black, white = LIMITS[self.output_range]
        shown = (pixels - np.float32(black)) / np.float32(white - black)
        small, middle = np.quantile(shown, (0.25, 0.5))
        too_small = white == 255 and out.dtype != np.uint8 and 0 < pixels.max() <= 1  # those of 0..1
        if small < WRONG_BELOW or middle > WRONG_ABOVE or too_small:
            raise CardError(
                f"'{self.name}' gave values from {pixels.min():.3g} to {pixels.max():.3g} for '{name}', which do not "
                f"fit the range {self.output_range}. Say on its card what comes out: output_range = one of "
                f"{', '.join(LIMITS)}."
            )
        if self.card.channels == "bgr":
            shown = shown[..., ::-1]
        if self.card.light == "linear":
            shown = linear_to_srgb(np.clip(shown, 0, 1))
        return np.ascontiguousarray(np.clip(shown, 0, 1), np.float32)


def _pick(graph: str, what: Literal["input", "output"], there: Sequence[Any], wanted: str, others: set[str]) -> Any:
    """The input or output called `wanted`, or the only one besides `others`."""
    listing = ", ".join(f"{entry.name} {entry.shape}" for entry in there)
    unknown = others - {entry.name for entry in there}
    if unknown:
        raise CardError(f"'{graph}' has no {what} {', '.join(sorted(unknown))} as its card says. It has: {listing}.")
    found = [entry for entry in there if entry.name not in others and wanted in ("", entry.name)]
    if not found:
        raise CardError(f"'{graph}' has no {what} '{wanted}' as its card says. It has: {listing}.")
    rest = [entry.name for entry in there if entry is not found[0] and entry.name not in others]
    if len(found) > 1 or (what == "input" and rest):
        advice = f"say on its card which is the picture: {what} = '{found[0].name}'"
        more = f", and give values for the others: [constants] {rest[-1]} = 1.0" if what == "input" else ""
        raise CardError(f"'{graph}' has {len(there)} {what}s: {listing}. To choose, {advice}{more}.")
    return found[0]


def _constant(graph: str, entry: Any, value: Any) -> NDArray[Any]:
    """A card's value for an input, in the type and shape that the graph has for it."""
    sides = [side if isinstance(side, int) else 1 for side in entry.shape]
    kinds = {**TYPES, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(double)": np.float64}
    try:
        return np.asarray(value, kinds[entry.type]).reshape(sides)
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(
            f"'{graph}' takes '{entry.name}' as {entry.type} {entry.shape}, got {value!r} under [constants] of its "
            "card. Give a number, or a list of as many as that shape holds."
        ) from error


def _parameters(path: Path) -> int:
    """How many numbers the graph holds; 0 where the package that reads graphs is not there."""
    try:
        import onnx
    except ImportError:
        return 0
    graph = onnx.load(path, load_external_data=False).graph
    sizes = [int(np.prod(tensor.dims)) for tensor in graph.initializer if tensor.data_type in _REAL]
    return sum(sizes)


_REAL = (1, 10, 11, 16)
"""ONNX's float32, float16, float64 and bfloat16; whole numbers are shapes and places."""
