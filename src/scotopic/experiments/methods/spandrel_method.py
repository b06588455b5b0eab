"""Checkpoints of published PyTorch networks, as the library spandrel recognises and runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from ..sets.item import Item
    from .method import Facts, Image, Opened


def open_spandrel(path: Path, threads: int, device: str) -> Opened:
    """The network in a checkpoint file, whole pictures at a time; spandrel pads and clips as the network wants it.

    Raises MissingExtraError where spandrel is not installed, and ModelError for a checkpoint that it does not know, or
    whose network makes no picture of a picture.
    """
    from .method import digest_of, refuse_all_but_pictures

    try:
        import spandrel
    except ImportError as error:
        raise MissingExtraError(f"'{path.name}' is no checkpoint of a scotopic run. Running it", "spandrel") from error
    torch.set_num_threads(threads)
    try:
        found = spandrel.ModelLoader(torch.device(device)).load_from_file(str(path))
    except Exception as error:  # its own errors, pickle's, torch's, the file system's
        raise ModelError(f"spandrel cannot load '{path}': {error}. Give a checkpoint of a network it knows.") from error
    kinds = (getattr(found, "input_channels", 0), getattr(found, "output_channels", 0))
    if not isinstance(found, spandrel.ImageModelDescriptor) or kinds != (3, 3):
        raise ModelError(
            f"'{path}' holds a network ({type(found).__name__}, {kinds[0]} channels in, {kinds[1]} out) that makes no "
            "RGB picture of an RGB picture. Give another checkpoint."
        )
    found.eval()
    facts: Facts = {
        "network": str(getattr(found.architecture, "name", found.architecture)),
        "parameters": sum(parameter.numel() for parameter in found.model.parameters()),
        "bytes": path.stat().st_size,
        "sha256": digest_of(path),
    }

    def enhance(item: Item) -> Image:
        low = refuse_all_but_pictures(item.low(), path.name, item)
        planes = torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].to(found.device)
        with torch.no_grad():
            out = found(planes)[0]
        return np.ascontiguousarray(out.float().clamp(0, 1).permute(1, 2, 0).cpu().numpy())

    return facts, enhance
