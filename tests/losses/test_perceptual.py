"""The perceptual loss sees what a VGG of the published layout sees, and leaves it as it is."""

import pytest
import torch
from torch import nn

from scotopic.errors import DataError, RecipeError
from scotopic.losses import LOSSES
from scotopic.losses.perceptual import perceptual_loss

from .conftest import VGG16, VGG19


def by_modules(path, layout, numbers, picture):
    """What the layers of these numbers give, by the modules that the published layout is the numbering of."""
    tensors = torch.load(path, weights_only=True)
    layers, channels = [], 3
    for number in range(max(layout) + 2):
        if number in layout:
            layers.append(nn.Conv2d(channels, layout[number], 3, padding=1))
            channels = layout[number]
        else:
            layers.append(nn.ReLU() if number - 1 in layout else nn.MaxPool2d(2))
    features = nn.Sequential(*layers)
    features.load_state_dict({key[9:]: tensor for key, tensor in tensors.items() if key.startswith("features.")})
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, seen = (picture - mean.view(3, 1, 1)) / deviation.view(3, 1, 1), []
    for number, layer in enumerate(features):
        x = layer(x)
        if number in numbers:
            seen.append(x)
    return seen


@pytest.mark.parametrize(
    ("layout", "depth", "layers", "numbers"),
    [
        (VGG16, 4, ("conv1_1", "relu2_2"), (0, 8)),
        (VGG16, 8, ("relu3_3", "conv4_1"), (15, 17)),
        (VGG19, 9, ("conv3_4", "relu4_1"), (16, 20)),
    ],
    ids=["two-blocks", "vgg16", "vgg19"],
)
def test_it_is_the_distance_of_the_features(vgg, layout, depth, layers, numbers):
    path = vgg("vgg.pth", depth, layout)
    out, target = torch.rand(2, 3, 27, 22), torch.rand(2, 3, 27, 22)
    present = dict(list(layout.items())[:depth])
    seen = (by_modules(path, present, numbers, picture) for picture in (out, target))
    expected = torch.stack([(a - b).abs().mean() for a, b in zip(*seen, strict=True)]).mean()
    assert perceptual_loss(out, target, path, layers).item() == pytest.approx(expected.item(), rel=1e-4)


def test_both_kinds_of_file_and_one_layer_alone(vgg):
    out, target = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    losses = [perceptual_loss(out, target, vgg(name), "relu1_1") for name in ("vgg.safetensors", "vgg.pth")]
    assert losses[0] == losses[1] == perceptual_loss(out, target, vgg(), ["relu1_1"])


def test_the_backbone_is_read_once_and_never_learns(vgg, monkeypatch):
    path, picture = vgg(), torch.rand(1, 3, 16, 16)
    with torch.inference_mode():  # as in a validation before the first step
        LOSSES["perceptual"](picture, 0.5 * picture, path, ["relu1_1"])
    monkeypatch.setattr("scotopic.losses.perceptual.load_file", None)
    out = picture.clone().requires_grad_()
    target = (0.5 * picture).requires_grad_()
    LOSSES["perceptual"](out, target, path, ["relu1_1"]).backward()
    assert out.grad.abs().sum() > 0
    assert target.grad is None


def test_a_missing_file_says_what_to_get_and_where_it_goes(tmp_path):
    picture = torch.rand(1, 3, 8, 8)
    with pytest.raises(DataError, match=r"no backbone at '.*vgg19\.pth'. Get the weights of a VGG-19 .*backbone\."):
        perceptual_loss(picture, picture, str(tmp_path / "vgg19.pth"))


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello world\n" * 9, bytes(range(256))])
def test_a_file_that_is_none_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    picture = torch.rand(1, 3, 8, 8)
    with pytest.raises(DataError, match=r"cannot be read .* Give a safetensors file"):
        perceptual_loss(picture, picture, str(tmp_path / name))


@pytest.mark.parametrize(
    "content",
    [
        {"weight": torch.ones(2)},
        {"features.0.weight": torch.ones(64, 3, 3, 3)},  # no bias
        {"features.0.weight": torch.ones(64, 3, 7, 7), "features.0.bias": torch.ones(64)},
        # A batch norm in second place, as in the other VGGs.
        {
            f"features.{i}.{part}": torch.ones(shape)
            for i, shape in ((0, (8, 3, 3, 3)), (1, (8,)))
            for part in ("weight", "bias")
        },
        [torch.ones(2)],
    ],
    ids=["none", "no-bias", "7x7", "batch-norm", "list"],
)
def test_another_network_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    picture = torch.rand(1, 3, 8, 8)
    with pytest.raises(DataError, match=r"other.pth' (is not laid out like|holds a list)"):
        perceptual_loss(picture, picture, str(tmp_path / "other.pth"), ["conv1_1"])


@pytest.mark.parametrize("layer", ["conv5_4", "relu1", "pool1", "conv1_3", "", "5"])
def test_a_layer_that_is_not_there_is_refused(vgg, layer):
    picture = torch.rand(1, 3, 8, 8)
    with pytest.raises(RecipeError, match=f"cannot have '{layer}': .* conv1_1, relu1_1, … up to relu2_1"):
        perceptual_loss(picture, picture, vgg(layers=3), [layer])
