"""The perceptual loss: pictures compared by what a network trained to name things sees in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from ..errors import DataError, RecipeError
from .colour import refuse_grey

# Of the pictures the published weights were trained on (ImageNet), RGB in [0, 1].
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Convolution(NamedTuple):
    """A 3 x 3 convolution of a VGG and its ReLU, named as in the field: `3_2` is the second of the third block.

    `pooled`: a 2 x 2 maximum comes before it.
    """

    name: str
    pooled: bool
    weight: Tensor
    bias: Tensor


def perceptual_loss(out: Tensor, target: Tensor, backbone: str, layers: str | Sequence[str] = ("conv5_4",)) -> Tensor:
    """Mean absolute difference of VGG features, averaged over `layers`. Both are sRGB in [0, 1], `n 3 h w`.

    `backbone` is a file with the weights of a VGG-16 or VGG-19 without batch norm (Simonyan and Zisserman, ICLR 2015)
    under the names torchvision gives them, `features.0.weight` …: safetensors, or a state dict saved by torch.
    `layers` are named `conv3_2` (before the activation) or `relu3_2` (after it): conv5_4 of VGG-19 as in ESRGAN (Wang
    et al., ECCVW 2018, sec. 3.3), relu2_2 and relu3_3 of VGG-16 as in Johnson et al. (ECCV 2016, sec. 3.2).

    The weights are loaded once for each device and never trained. Raises DataError for a file that is missing or is
    no VGG, RecipeError for a layer it does not have and for pictures of other than 3 channels.
    """
    refuse_grey(out, "perceptual")
    wanted = (layers,) if isinstance(layers, str) else tuple(map(str, layers))
    stack = _stack(backbone, wanted, out.device)
    with torch.no_grad():
        truth = _features(stack, wanted, target)
    seen = _features(stack, wanted, out)
    return torch.stack([(a - b).abs().mean() for a, b in zip(seen, truth, strict=True)]).mean()


def _features(stack: Sequence[Convolution], wanted: Sequence[str], picture: Tensor) -> list[Tensor]:
    """What the layers `wanted` make of an sRGB picture `n 3 h w`, in that order."""
    mean, deviation = picture.new_tensor(MEAN).view(3, 1, 1), picture.new_tensor(DEVIATION).view(3, 1, 1)
    x = (picture - mean) / deviation
    found: dict[str, Tensor] = {}
    for name, pooled, weight, bias in stack:
        if pooled:
            # A side of one pixel has nothing to pool; every other size is pooled as usual.
            x = max_pool2d(x, (min(2, x.shape[-2]), min(2, x.shape[-1])))
        found["conv" + name] = conv2d(x, weight, bias, padding=1)
        x = found["relu" + name] = relu(found["conv" + name])
    return [found[layer] for layer in wanted]


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # what is loaded during a validation must serve the training too
def _stack(path: str, wanted: tuple[str, ...], device: torch.device) -> list[Convolution]:
    """The convolutions of the VGG in `path`, up to the last that is `wanted`."""
    stack = _convolutions(_tensors(Path(path)), path)
    names = [step.name for step in stack]
    for layer in wanted or ("",):
        if layer[:4] not in ("conv", "relu") or layer[4:] not in names:
            raise RecipeError(
                f"losses.perceptual.layers cannot have '{layer}': the backbone '{path}' has the layers conv{names[0]}, "
                f"relu{names[0]}, … up to relu{names[-1]}. Take some of these, or another backbone."
            )
    depth = 1 + max(names.index(layer[4:]) for layer in wanted)
    return [step._replace(weight=step.weight.to(device), bias=step.bias.to(device)) for step in stack[:depth]]


def _tensors(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise DataError(
            f"The perceptual loss finds no backbone at '{path}'. Get the weights of a VGG-19 (or VGG-16) trained on "
            "ImageNet, in torchvision's layout, as .safetensors or .pth, and give their path as "
            "losses.perceptual.backbone."
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises nearly anything
        raise DataError(
            f"The backbone '{path}' cannot be read ({type(error).__name__}). Give a safetensors file, or a state dict "
            "saved by torch that holds nothing but tensors."
        ) from error
    if not isinstance(tensors, Mapping):
        raise DataError(
            f"The backbone '{path}' holds a {type(tensors).__name__}. Give a state dict: names and tensors."
        )
    return tensors


def _convolutions(tensors: Mapping[str, Tensor], path: str) -> list[Convolution]:
    """The convolutions of a state dict.

    What lies between two of them shows in their numbers: a ReLU alone makes a step of 2, a pooling after it one of 3.
    """
    numbers = sorted(int(found[1]) for key in tensors if (found := re.fullmatch(r"features\.(\d+)\.weight", key)))
    stack: list[Convolution] = []
    block, place, channels = 1, 0, 3
    for before, number in pairwise([-2, *numbers]):
        weight, bias = tensors[f"features.{number}.weight"], tensors.get(f"features.{number}.bias")
        if number - before not in (2, 3) or bias is None or tuple(weight.shape[1:]) != (channels, 3, 3):
            raise _no_vgg(path, f"features.{number}.weight of {tuple(weight.shape)} does not fit")
        pooled = number - before == 3
        block, place = (block + 1, 1) if pooled else (block, place + 1)
        stack.append(Convolution(f"{block}_{place}", pooled, weight.float(), bias.float()))
        channels = len(weight)
    if not stack:
        raise _no_vgg(path, "it has no features.0.weight")
    return stack


def _no_vgg(path: str, why: str) -> DataError:
    return DataError(
        f"The backbone '{path}' is not laid out like torchvision's VGG-16 or VGG-19 without batch norm: {why}. "
        "Give such a file."
    )
