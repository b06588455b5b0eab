"""Training, from the first batch to the last checkpoint."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from rich.console import Console
from torch import nn

from scotopic.data import DATASETS
from scotopic.networks import NETWORKS

from ..errors import DataError, RecipeError
from . import checkpoint
from .adversary import Adversary
from .agreement import has_truth
from .batches import Batch, Pictures, Steps, batches, made_of
from .checkpoint import Progress
from .log import RunLog, best_in_words, start_over
from .objective import Develop, Objective, refuse_infinite, refuse_misfit
from .optimise import build_optimiser, learning_rate, set_rate, update_average, wearing, weights
from .recipe import Recipe
from .settings import build
from .speed import fast_cpu, machine
from .validation import Report, is_better, validate, washed_out

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class RunSummary:
    """How a run ended. `best` is the validation report of `best_step`; `stopped` is why it ended early, if it did."""

    run_dir: Path
    steps: int
    seconds: float
    best_step: int
    best: dict[str, float]
    stopped: str
    last_checkpoint: Path
    best_checkpoint: Path


def train(recipe: Recipe, *, run_dir: str | Path, resume: bool = True, console: Console | None = None) -> RunSummary:
    """Follow `recipe` and leave checkpoints, curves and pictures in `run_dir`.

    With `resume` a run that was cut off goes on from its last checkpoint, on a CPU to the same weights, bit for bit,
    that it would have had without the break. Without, what an earlier run left in `run_dir` is removed. Progress goes
    to `console` (the standard error). Raises TrainingError: RecipeError, DataError, CheckpointError or DivergedError.
    """
    from lightning_fabric import Fabric  # some seconds, and only a training run needs it

    loop = recipe.loop
    with fast_cpu():
        try:
            fabric = Fabric(
                accelerator=loop.accelerator,
                devices=loop.devices,
                num_nodes=loop.nodes,
                precision=loop.precision,  # type: ignore[arg-type]
            )
        except (RuntimeError, ValueError) as error:  # what the library says of a device that is not there
            raise RecipeError(
                f"loop.accelerator = '{loop.accelerator}' with {loop.devices} devices cannot be had here: "
                f"{str(error).rstrip('.')}. Set loop.accelerator to 'cpu' or 'auto'."
            ) from error
        console = console or Console(stderr=True)
        follow = partial(_train, recipe=recipe, run_dir=Path(run_dir), resume=resume, console=console)
        summary: RunSummary = fabric.launch(follow)
    return summary


def build_network(recipe: Recipe) -> nn.Module:
    network: nn.Module = build(NETWORKS, recipe.network.name, recipe.network.settings, "network")
    return network


def build_pictures(recipe: Recipe, split: Literal["train", "val"]) -> Pictures:
    choice = recipe.data
    pictures: Pictures = DATASETS[choice.name](root=choice.root, split=split, seed=recipe.loop.seed, **choice.settings)
    if not len(pictures):
        raise DataError(f"The data set '{choice.name}' has no {split} pictures in '{choice.root}'. Check data.root.")
    return pictures


def _train(fabric: Fabric, recipe: Recipe, run_dir: Path, resume: bool, console: Console) -> RunSummary:
    loop, last, best = recipe.loop, run_dir / "checkpoints/last.safetensors", run_dir / "checkpoints/best.safetensors"
    first_process = fabric.is_global_zero

    # What the run is made of.
    torch.manual_seed(loop.seed)
    network = build_network(recipe).to(fabric.device)
    if loop.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = build_optimiser(recipe.optimiser, network)
    develop = Develop(network)  # for validation; the same weights as `model`, which adds devices and precision
    compiled: Any = torch.compile(develop) if loop.compile else develop
    model, stepper = fabric.setup(compiled, optimiser)
    scaler = getattr(fabric.strategy.precision, "scaler", None)  # of 16-mixed alone
    adversary = Adversary(fabric, recipe.discriminator, recipe.losses) if recipe.discriminator else None
    rival = (adversary.discriminator, adversary.optimiser) if adversary else None
    objective = Objective(recipe.losses, adversary.scores if adversary else None)
    measure = Objective(recipe.losses)  # of held-out pictures: a discriminator that learns is no measure
    average = {name: value.clone() for name, value in weights(network).items()} if loop.ema else None
    pictures, held_out = build_pictures(recipe, "train"), build_pictures(recipe, "val")
    refuse_misfit(network, held_out[0], has_truth(recipe))
    last_step = recipe.last_step(len(pictures))
    data = {split: files for split, part in (("train", pictures), ("val", held_out)) if (files := made_of(part))}

    # Where it starts.
    progress = Progress()
    if resume and last.exists():
        saved = checkpoint.load(last)
        checkpoint.check_same_run(saved, recipe, last_step, data)
        checkpoint.restore(saved, network, optimiser, average, rival)
        progress = saved.progress
        if scaler and progress.scaler:
            scaler.load_state_dict(progress.scaler)
    progress.machine, progress.date = machine(), datetime.date.today().isoformat()
    progress.last_step, progress.data = last_step, data
    progress.stopped = _out_of_patience(progress, recipe)
    end = progress.step if progress.stopped else last_step
    fabric.barrier()
    if first_process and not progress.step:
        start_over(run_dir)

    share = Steps(progress.step + 1, end, loop.batch, fabric.global_rank, fabric.world_size, loop.accumulate)
    supply = batches(pictures, loop.seed, share, loop.workers)
    loader: Any = fabric.setup_dataloaders(supply, use_distributed_sampler=False)
    with RunLog(run_dir, recipe, progress.step, last_step, console) if first_process else nullcontext() as log:
        began = time.perf_counter()
        earlier, waited = progress.seconds, 0.0
        feed: Iterator[Batch] = iter(loader)
        for step in range(progress.step + 1, end + 1):
            # Learn from one batch, or from several as if they were one.
            rate = learning_rate(recipe.optimiser, step, last_step)
            set_rate(optimiser, rate)
            stepper.zero_grad()
            pairs, names, numbers = [], [], []
            for part in range(1, loop.accumulate + 1):
                asked = time.perf_counter()
                batch = next(feed)
                waited += time.perf_counter() - asked
                # What is random in a network (dropout) is a function of the batch; whatever fetching it drew.
                _seed(loop.seed, (step - 1) * loop.accumulate + part, fabric.global_rank)
                low = batch.low.contiguous(memory_format=torch.channels_last) if loop.channels_last else batch.low
                with fabric.no_backward_sync(model, enabled=part < loop.accumulate):
                    outcome = model(low)
                    losses = objective(low, batch.target, outcome)
                    total = objective.total(losses)
                    fabric.backward(total / loop.accumulate)
                out = outcome.out.detach()
                pairs.append((out, batch.target))
                names += batch.name
                numbers.append(torch.stack([out.mean(), *losses.values(), total]).detach())
            limit = recipe.optimiser.clip_norm or math.inf
            norm = fabric.clip_gradients(model, stepper, max_norm=limit, error_if_nonfinite=False)
            keys = ["out", *(f"loss_{name}" for name in losses), "loss", "grad_norm"]
            values = torch.stack([*torch.stack(numbers).mean(0), torch.as_tensor(norm)])
            facts = dict(zip(keys, values.tolist(), strict=True))  # waits for the device, once
            refuse_infinite(facts, step, names, scaler)
            stepper.step()
            news = ""
            if adversary:
                verdict, news = adversary.learn(pairs, step, last_step, names, scaler)
                facts |= verdict
            if average is not None:
                update_average(average, network, loop.ema, step)
            progress.step = step
            progress.seconds = earlier + time.perf_counter() - began

            # Look at the held-out pictures.
            report: Report = {}
            improved, warning = False, ""
            if recipe.is_due(loop.val_every, step, len(pictures)) or step == last_step:
                with wearing(network, average):
                    seen = validate(develop, measure, held_out, fabric.device) if first_process else {}
                report = dict(fabric.broadcast(seen))
                improved = is_better(report, progress.best, loop.best_by)
                warning = washed_out(report, step, progress.best, progress.best_step)
                if improved:
                    progress.best, progress.best_step, progress.since_best = report, step, 0
                else:
                    progress.since_best += 1
                progress.stopped = _out_of_patience(progress, recipe)

            # Note it down: curves before checkpoints, so that a checkpoint is never ahead of its curves.
            if log:
                facts |= {"seconds": progress.seconds, "wait": waited / (progress.seconds - earlier), "lr": rate}
                del facts["out"]
                if news:
                    log.say(news)
                log.step(step, facts, report)
                if report:
                    log.validation(step, facts, report, improved, warning)
                if loop.strip_every and (step % loop.strip_every == 0 or step == last_step):
                    with wearing(network, average):
                        log.strip(step, develop, held_out, fabric.device)
                if report or recipe.is_due(loop.checkpoint_every, step, len(pictures)):
                    log.flush()
                    progress.scaler = scaler.state_dict() if scaler else {}
                    for path in [last, best] if improved else [last]:
                        checkpoint.save(path, recipe, progress, network, optimiser, average, rival)
            if progress.stopped:
                break
        if log and progress.stopped:
            log.say(progress.stopped)
    return RunSummary(
        run_dir, progress.step, progress.seconds, progress.best_step, progress.best, progress.stopped, last, best
    )


def _out_of_patience(progress: Progress, recipe: Recipe) -> str:
    """Why the run ends here, in words, or nothing."""
    loop = recipe.loop
    if not loop.patience or progress.since_best < loop.patience:
        return ""
    return (
        f"Stopped at step {progress.step}: nothing better in {progress.since_best} validations. "
        f"The best is {best_in_words(progress.best, progress.best_step, loop.best_by)}."
    )


def _seed(seed: int, batch: int, process: int) -> None:
    torch.manual_seed(int(np.random.SeedSequence([seed, batch, process]).generate_state(1, np.uint64)[0] >> 1))
