"""Anything that makes a finished picture of a dark one, behind one function: what is scored and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from scotopic.data.fusion import opencv
from scotopic.image import RawFrame
from scotopic.runtime import Controls, Enhancer, list_models, load_model
from scotopic.runtime.card import CARD_FILE

from ...errors import ControlError, LightMismatchError, ModelNotFoundError
from .baselines import BASELINES

if TYPE_CHECKING:
    from ..sets.item import Item

Image = NDArray[np.float32]
Kind = Literal["model", "run", "baseline", "pictures", "onnx", "spandrel"]
Ratio = Literal["given", "estimated"]
Facts = dict[str, str | int | float]
Opened = tuple[Facts, Callable[["Item"], Image]]
"""What there is to say of a method, and what makes its pictures."""

WAYS = ("best", "last", "fast")
"""Which checkpoint of a run, best or last; which tier of a model, best or fast."""
CHECKPOINTS = (".safetensors", ".pth", ".pt", ".ckpt")


@dataclass(frozen=True)
class Method:
    """A way to brighten pictures.

    `enhance` gives the finished picture of an item: float32 `h w 3`, sRGB in [0, 1]; where it cannot, it raises
    ModelError, LightMismatchError, DataError or another ScotopicError. `facts` is what a table may say of it:
    parameters, bytes, licence, recipe, step …; where its pictures change, its `sha256` does. `parallel`: several
    threads may call it at once.
    """

    name: str
    kind: Kind
    facts: Mapping[str, str | int | float]
    enhance: Callable[[Item], Image]
    parallel: bool = True


def open_method(
    spec: str,
    *,
    name: str = "",
    threads: int = 1,
    ratio: Ratio = "given",
    device: str = "cpu",
    card: str | Path | None = None,
) -> Method:
    """The method that `spec` means; `name` is what tables call it.

    A baseline or a shipped model by name; or the path of a model folder (`@best` or `@fast` after it, or after a name,
    says which tier; best), of a run folder (`@best` or `@last` says which checkpoint; best), of a checkpoint, of a
    folder of finished pictures, of an .onnx file with its `card` (default: the .toml beside it, if any), or of a
    checkpoint that spandrel knows. A name is meant before a path: write ./gamma for a folder of that name. `ratio`:
    whether raws are amplified by the item's ratio or by an estimate. `threads` are those of one picture, `device` is
    where networks run ("cpu", "cuda" …). Raises ScotopicError.
    """
    if not spec:
        raise ModelNotFoundError(_no_method(spec))
    before, _, way = spec.rpartition("@")
    place, which = (before, way) if way in WAYS and not Path(spec).exists() else (spec, "best")
    path = Path(place)
    if card is not None and path.suffix.lower() != ".onnx":
        raise ControlError(f"A card is for an .onnx file, got '{spec}'. Leave the card away.")
    if spec in BASELINES:
        return Method(name or spec, "baseline", {}, _baseline(spec))
    if place in list_models() or (path / CARD_FILE).is_file():
        if which == "last":
            raise ModelNotFoundError(f"'{place}' is a model, and only a run has a last checkpoint. Leave @last away.")
        default = path.name + ("@fast" if which == "fast" else "")
        return Method(name or default, "model", *_model(place, threads, ratio, device, fast=which == "fast"))
    if (path / "checkpoints").is_dir():
        if which == "fast":
            raise ModelNotFoundError(f"'{place}' is a run, and only a model has a fast tier. Leave @fast away.")
        return _run(path / "checkpoints" / f"{which}.safetensors", name, threads, ratio, device)
    if path.is_dir():
        from .finished_pictures import open_pictures

        return Method(name or path.resolve().name, "pictures", *open_pictures(path))
    if path.suffix.lower() == ".onnx" and path.is_file():
        from .onnx_method import open_onnx

        return Method(name or path.stem, "onnx", *open_onnx(path, card, threads, device))
    if path.suffix.lower() in CHECKPOINTS and path.is_file():
        if _is_ours(path):
            return _run(path, name, threads, ratio, device)
        from .spandrel_method import open_spandrel

        return Method(name or path.stem, "spandrel", *open_spandrel(path, threads, device))
    raise ModelNotFoundError(_no_method(spec))


def digest_of(*files: Path) -> str:
    """A number for the content of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def refuse_all_but_pictures(low: Any, name: str, item: Item) -> Image:
    """`low`, if it is a picture. Raises LightMismatchError where it is raw: of method `name` nobody can ask that."""
    if isinstance(low, np.ndarray) and low.ndim == 3 and low.shape[2] == 3:
        return low
    got = "a raw frame" if isinstance(low, RawFrame) else "packed raw"
    raise LightMismatchError(
        f"'{name}' takes sRGB pictures (3 channels), got {got} from '{item.name}'. Score it on pictures, or take a raw "
        "model or a run on raws."
    )


def _baseline(name: str) -> Callable[[Item], Image]:
    function = BASELINES[name]

    def enhance(item: Item) -> Image:
        low = _enlarged(refuse_all_but_pictures(item.low(), name, item), item.scale)
        return np.clip(function(low), np.float32(0), np.float32(1))

    return enhance


def _enlarged(low: Image, scale: int) -> Image:
    """The dark picture of super-resolution at the size of its truth: baselines change light alone."""
    if scale == 1:
        return low
    cv2 = opencv("Enlarging pictures")
    larger = cv2.resize(low, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(larger, np.float32), np.float32(0), np.float32(1))


def _model(model: str, threads: int, ratio: Ratio, device: str, *, fast: bool) -> Opened:
    """A shipped model or a model folder, as it comes: default controls, but for the tier."""
    loaded = load_model(model)
    card = loaded.card
    denoiser = None if fast else card.denoise
    files = [loaded.folder / graph.file for graph in (card.decide, card.apply, denoiser) if graph]
    facts: Facts = {
        "title": card.title,
        "parameters": card.parameters + (denoiser.parameters if denoiser else 0),
        "bytes": sum(file.stat().st_size for file in files),
        "licence": card.licence,
        "light": card.light.input,
        "sha256": digest_of(loaded.folder / CARD_FILE, *files),
    }
    if card.training:
        facts |= {"recipe": card.training.recipe, "steps": card.training.steps, "hours": card.training.hours}
    if card.raw:
        facts["ratio"] = ratio
    enhancer = Enhancer(loaded.folder, threads=threads, providers=providers_on(device))

    def enhance(item: Item) -> Image:
        low = item.low()
        if isinstance(low, RawFrame):
            # Highlights are clipped at white, as those of every truth are.
            given = item.ratio if ratio == "given" else None
            return enhancer.enhance(low, Controls(protect_highlights=False, ratio=given)).pixels
        return enhancer.enhance(refuse_all_but_pictures(low, card.name, item), Controls(tier="fast" if fast else None))

    return facts, enhance


def providers_on(device: str) -> list[str] | None:
    """ONNX Runtime's providers for a device: its own ("cuda", "coreml" …), or the processor."""
    return None if device == "cpu" else [device.partition(":")[0]]


def _run(path: Path, name: str, threads: int, ratio: Ratio, device: str) -> Method:
    from .run_method import open_run

    if not name:
        inside = path.parent.name == "checkpoints"
        name = path.resolve().parent.parent.name if inside else path.stem
        name += "@last" if inside and path.stem == "last" else ""
    return Method(name, "run", *open_run(path, threads, ratio, device))


def _is_ours(path: Path) -> bool:
    """Whether a checkpoint is one that our training wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return "scotopic" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _no_method(spec: str) -> str:
    known: Iterable[str] = [*BASELINES, *list_models()]
    close = get_close_matches(spec, known, n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    found = f"'{spec}' is a file of another kind. " if Path(spec).is_file() else ""
    return (
        f"There is no method '{spec}'. {found}{hint}Give one of {', '.join(known)}; or the path of a model folder, a "
        "run folder, a checkpoint, a folder of finished pictures or an .onnx file."
    )
