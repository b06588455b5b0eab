"""Adversarial training: two that learn against each other, neither disturbing the other's step, and who is winning."""

from __future__ import annotations

import csv
import io
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

import scotopic.networks
from scotopic.errors import DivergedError
from scotopic.training import adversary, checkpoint, train
from scotopic.training.adversary import Adversary, Balance
from scotopic.training.objective import Objective, Outcome

from .toy_training import ADVERSARIAL, toy_recipe

Start = Callable[..., subprocess.Popen[str]]
DCGAN = ("discriminator={name='dcgan_discriminator', width=2}", "losses.adversarial.kind=bce")


class Convolution(nn.Conv2d):
    """A discriminator without statistics of its own: what it learns from two batches it learns from them together."""

    def __init__(self) -> None:
        super().__init__(3, 1, 5)


@pytest.fixture(autouse=True)
def _plain_discriminator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scotopic.networks.DISCRIMINATORS, "convolution", Convolution)


def tensors(run_dir: Path, which: str = "last") -> dict[str, Tensor]:
    return checkpoint.load(run_dir / f"checkpoints/{which}.safetensors").tensors


def assert_same_bits(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_each_learns_from_its_own_step() -> None:
    recipe = toy_recipe(*ADVERSARIAL)
    assert recipe.discriminator
    rival = Adversary(Fabric(accelerator="cpu", devices=1), recipe.discriminator, recipe.losses)
    before = {name: value.clone() for name, value in rival.discriminator.named_parameters()}
    out, target = torch.rand(2, 3, 32, 32, requires_grad=True), torch.rand(2, 3, 32, 32)
    scores = rival.scores(out, target)
    scores["fake_score"].mean().backward()
    assert out.grad is not None
    assert out.grad.abs().sum() > 0
    assert not scores["real_score"].requires_grad
    assert all(weight.grad is None for weight in rival.discriminator.parameters())

    out.grad = None
    facts, _ = rival.learn([(out.detach(), target)], 1, 8, ["a", "b"], None)
    assert facts.keys() == {"d_loss", "d_accuracy", "d_grad_norm"}
    assert out.grad is None
    assert any(not torch.equal(before[name], value) for name, value in rival.discriminator.named_parameters())


def gains(kind: str, momentum: float, steps: int = 100) -> Tensor:
    """The one weight of a generator, step by step: it brightens, and real pictures are four times as bright as low."""
    torch.manual_seed(0)
    losses = f"losses={{adversarial={{weight=1.0, kind='{kind}'}}}}"
    recipe = toy_recipe(*ADVERSARIAL, losses, "optimiser.lr=0.02", f"optimiser.momentum={momentum}")
    assert recipe.discriminator
    rival = Adversary(Fabric(accelerator="cpu", devices=1), recipe.discriminator, recipe.losses)
    objective = Objective(recipe.losses, rival.scores)
    gain = nn.Parameter(torch.ones(()))
    optimiser = torch.optim.Adam([gain], lr=0.1, betas=(momentum, 0.999))
    seen = []
    for step in range(1, steps + 1):
        low, target = torch.rand(4, 3, 24, 24) / 4, torch.rand(4, 3, 24, 24)
        out = low * gain
        optimiser.zero_grad()
        objective.total(objective(low, target, Outcome(out, None))).backward()
        optimiser.step()
        rival.learn([(out.detach(), target)], step, steps, [], None)
        seen.append(gain.item())
    return torch.tensor(seen)


@pytest.mark.parametrize("kind", ["bce", "least_squares", "hinge", "relativistic"])
def test_the_discriminator_alone_teaches_brightness(kind: str) -> None:
    """Nothing compares with a truth, and the gain climbs to 4 and stays there."""
    late = gains(kind, momentum=0.5)[-40:]
    assert late.mean().item() == pytest.approx(4, abs=0.5)
    assert late.std() < 0.6


def test_momentum_makes_the_two_swing() -> None:
    """Why `momentum` is a setting: DCGAN's 0.5 in place of Adam's usual 0.9 (Radford et al., 2016, section 4)."""
    calm, swinging = (gains("bce", momentum)[-50:].std() for momentum in (0.5, 0.9))
    assert swinging > 5 * calm


def test_two_batches_teach_what_one_of_both_does(tmp_path: Path) -> None:
    plain = (*ADVERSARIAL, "discriminator={name='convolution'}", "loop.steps=4", "data.count=8")
    train(toy_recipe(*plain), run_dir=tmp_path / "one")
    train(toy_recipe(*plain, "loop.batch=2", "loop.accumulate=2"), run_dir=tmp_path / "two")
    one, two = tensors(tmp_path / "one"), tensors(tmp_path / "two")
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "variant",
    [
        ("optimiser.name=adagrad", "discriminator.optimiser={name='sgd'}", "loop.accumulate=2", "loop.ema=0.9"),
        (*DCGAN, "discriminator.optimiser.clip_norm=1.0", "losses.l1.on=y"),
        (*DCGAN, "losses.adversarial.kind=relativistic", "optimiser={name='sgd', momentum=0.0}"),
    ],
    ids=["spectral", "batch_norm", "no_momentum"],
)
def test_half_and_resume_is_whole(tmp_path: Path, variant: tuple[str, ...]) -> None:
    train(toy_recipe(*ADVERSARIAL, *variant, "loop.steps=5"), run_dir=tmp_path / "whole")
    train(toy_recipe(*ADVERSARIAL, *variant, "loop.steps=3"), run_dir=tmp_path / "parts")
    train(toy_recipe(*ADVERSARIAL, *variant, "loop.steps=5"), run_dir=tmp_path / "parts")
    whole = tensors(tmp_path / "whole")
    assert_same_bits(whole, tensors(tmp_path / "parts"))
    statistics = "running_mean" if DCGAN[0] in variant else "_u"
    assert [name for name in whole if name.startswith("discriminator.") and name.endswith(statistics)]


def test_killed_without_warning(tmp_path: Path, train_in_process: Start) -> None:
    recipe = (
        *ADVERSARIAL,
        "optimiser.name=adagrad",
        "discriminator.optimiser={name='sgd', lr=0.01}",
        "loop={steps=8, batch=2, accumulate=2, val_every=4, checkpoint_every=1}",
    )
    process = train_in_process(str(tmp_path / "killed"), *recipe, "data.wait_s=0.02")
    last = tmp_path / "killed/checkpoints/last.safetensors"
    deadline = time.monotonic() + 60
    while not last.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 0 < checkpoint.load(last).progress.step < 8

    train(toy_recipe(*recipe, "data.wait_s=0.02"), run_dir=tmp_path / "killed")
    train(toy_recipe(*recipe, "data.wait_s=0.02"), run_dir=tmp_path / "whole")
    for which in ("last", "best"):
        assert_same_bits(tensors(tmp_path / "whole", which), tensors(tmp_path / "killed", which))


def test_two_machines_learn_what_one_does(tmp_path: Path, train_in_process: Start) -> None:
    recipe = (*ADVERSARIAL, "loop={steps=4, batch=2, accumulate=2, val_every=4, checkpoint_every=4}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machines = []
    for rank in range(2):
        with pytest.MonkeyPatch.context() as environment:
            for name, value in (("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", port), ("NODE_RANK", rank)):
                environment.setenv(name, str(value))
            machines.append(train_in_process(str(tmp_path / "two"), *recipe, "loop.nodes=2"))
    train(toy_recipe(*recipe), run_dir=tmp_path / "one")
    for machine in machines:
        _, errors = machine.communicate(timeout=120)
        assert machine.returncode == 0, errors
    one, two = tensors(tmp_path / "one"), tensors(tmp_path / "two")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-5)


def test_who_wins_is_said_once_and_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that stands still, and a discriminator that need only look at the brightness."""
    monkeypatch.setattr(adversary, "WINDOW", 4)
    words = io.StringIO()
    still = ("optimiser.lr=0.0", "discriminator.optimiser={name='sgd', lr=0.1, clip_norm=0.0}", "loop.steps=24")
    recipe = toy_recipe(*ADVERSARIAL, "losses.adversarial.kind=bce", "discriminator={name='convolution'}", *still)
    train(recipe, run_dir=tmp_path, console=Console(file=words))
    assert len(re.findall(r"The discriminator wins: .* it told (9[6-9]|100)% right", words.getvalue())) == 1
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["d_accuracy"]) > 0.9 > float(rows[0]["d_accuracy"])
    assert float(rows[-1]["d_loss"]) < float(rows[0]["d_loss"])
    assert all(float(row["d_grad_norm"]) > 0 for row in rows)
    curves = EventAccumulator(str(tmp_path / "tensorboard"))
    curves.Reload()
    assert {"train/d_loss", "train/d_accuracy", "train/loss_adversarial"} <= set(curves.Tags()["scalars"])


def test_phases() -> None:
    balance = Balance()
    accuracies = [0.75] * 100 + [1.0] * 100 + [0.92] * 100 + [0.8] * 100 + [0.5] * 200
    said = {
        step: words for step, accuracy in enumerate(accuracies, 1) if (words := balance.note(step, accuracy, 2, -1))
    }
    begins = [words.split(":")[0].split(".")[0] for words in said.values()]
    assert begins == [
        "The discriminator wins",
        "The discriminator and the generator are even again",
        "The discriminator guesses",
    ]
    won, evened, lost = said
    assert 175 < won <= 185, "20 of the last 100 at 0.75 are left where the mean passes 0.95"
    assert 300 < evened < 400, "0.92 is no more than a breath"
    assert 470 < lost < 500
    assert "(mean scores: real 2, made -1)" in said[won]


def test_a_discriminator_that_breaks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cusp(Convolution):
        def forward(self, picture: Tensor) -> Tensor:
            score = super().forward(picture)
            return (score - score.detach()).abs().sqrt()  # 0, with an infinite slope

    monkeypatch.setitem(scotopic.networks.DISCRIMINATORS, "cusp", Cusp)
    recipe = toy_recipe(*ADVERSARIAL, "losses.adversarial.weight=0", "discriminator={name='cusp'}")
    said = r"The discriminator's gradient became (nan|inf) at step 1, on train-.* a lower discriminator\.optimiser\.lr"
    with pytest.raises(DivergedError, match=said):
        train(recipe, run_dir=tmp_path)
