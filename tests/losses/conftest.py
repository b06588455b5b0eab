"""A VGG with random weights: the beginning of the published layout, as deep as a test needs."""

import pytest
import torch
from safetensors.torch import save_file

VGG16 = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512}
VGG19 = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 16: 256, 19: 512}
"""Convolutions by their number among the layers, and how many filters they have: up to conv4_1."""


@pytest.fixture
def vgg(tmp_path):
    def write(name="vgg.safetensors", layers=1, layout=VGG16):
        generator, channels, tensors = torch.Generator().manual_seed(0), 3, {"classifier.0.weight": torch.ones(2, 2)}
        for number, filters in list(layout.items())[:layers]:
            spread = (2 / (9 * channels)) ** 0.5
            tensors[f"features.{number}.weight"] = spread * torch.randn(filters, channels, 3, 3, generator=generator)
            tensors[f"features.{number}.bias"] = 0.1 * torch.randn(filters, generator=generator)
            channels = filters
        path = tmp_path / name
        save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
        return str(path)

    return write
