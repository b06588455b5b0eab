"""The optimiser, its schedule, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .recipe import Optimiser

Weights = dict[str, Tensor]


def build_optimiser(choice: Optimiser, network: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a network that is on its device already: Adagrad makes its sums where it finds the weights."""
    parameters, lr, decay = network.parameters(), choice.lr, choice.weight_decay
    if choice.name == "adagrad":
        return torch.optim.Adagrad(parameters, lr=lr, weight_decay=decay)
    if choice.name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, weight_decay=decay, momentum=choice.momentum)
    betas = (choice.momentum, 0.999)
    if choice.name == "adamw":
        return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, betas=betas)
    return torch.optim.Adam(parameters, lr=lr, weight_decay=decay, betas=betas)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def learning_rate(choice: Optimiser, step: int, steps: int) -> float:
    """The rate of step 1 to `steps`: a linear climb, then the schedule over what is left.

    >>> [learning_rate(Optimiser(lr=1.0, schedule="step_at_half", warmup_steps=2), step, 6) for step in range(1, 7)]
    [0.5, 1.0, 1.0, 1.0, 0.1, 0.1]
    """
    if step <= choice.warmup_steps:
        return choice.lr * step / choice.warmup_steps
    done = (step - 1 - choice.warmup_steps) / max(steps - choice.warmup_steps, 1)
    if choice.schedule == "cosine":
        return choice.lr * 0.5 * (1 + math.cos(math.pi * done))
    if choice.schedule == "step_at_half" and done >= 0.5:
        return choice.lr * 0.1
    return choice.lr


def weights(network: nn.Module) -> Weights:
    """The network's own tensors by name: to write to, not copies."""
    return {name: value.detach() for name, value in network.state_dict().items()}


@torch.no_grad()
def update_average(average: Weights, network: nn.Module, decay: float, step: int) -> None:
    """average <- decay * average + (1 - decay) * weights; what cannot be averaged is copied.

    Over the first steps the decay is lower, (1 + step) / (10 + step), or the random start would linger in the average.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for name, value in weights(network).items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


@contextmanager
@torch.no_grad()
def wearing(network: nn.Module, average: Weights | None) -> Iterator[None]:
    """The network with the averaged weights in place, then with its own again."""
    if average is None:
        yield
        return
    own = {name: value.clone() for name, value in weights(network).items()}
    try:
        network.load_state_dict(average)
        yield
    finally:
        network.load_state_dict(own)
