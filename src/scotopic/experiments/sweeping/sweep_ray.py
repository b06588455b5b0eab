"""A sweep's trials over machines: Ray Tune decides where each runs, and starts it anew where a machine is lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import MissingExtraError, TrainingError
from .trial import FAILURE, RESULT, read_failure, write_json

if TYPE_CHECKING:
    from .sweep import Work

LOCAL = "local"
MOMENT_S = 0.5


def over_machines(
    works: Sequence[Work], folder: Path, address: str, most: int, retries: int
) -> Iterator[tuple[str, str]]:
    """Do `works` on the Ray cluster at `address` ("local" = one on this machine, for this sweep), `most` at a time
    (0 = as many as there is room for). The name of each as it ends, and why it failed, if it did.

    All machines see `folder`, the data and scotopic under the same paths. A trial takes as many processors as it has
    threads, and a graphics card for each of `loop.devices` where its recipe asks for one.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray tells its makers about every cluster
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the other kind prints to standard output, which is the table's
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError("A sweep over machines", "cluster") from error
    try:
        if address == LOCAL:
            room = most * works[0].order.threads or None
            ray.init(address=LOCAL, num_cpus=room, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=address, log_to_driver=False)
    except Exception as error:  # it raises all kinds, plain Exception among them
        raise TrainingError(
            f"Ray cannot be had at '{address}': {error} Start a cluster (ray start --head), take --ray local, or go "
            "without --ray."
        ) from error
    for work in works:
        for stale in (FAILURE, RESULT):
            (work.folder / stale).unlink(missing_ok=True)
    problem: list[BaseException] = []

    def fit() -> None:
        try:
            _tune(works, folder, most, retries)
        except BaseException as error:
            problem.append(error)

    try:
        # In a thread of its own, so that the table grows as trials end; that they did is seen on the disk they share.
        tuning = threading.Thread(target=fit, daemon=True)
        tuning.start()
        left = list(works)
        while left:
            over = not tuning.is_alive()
            for work in [work for work in left if (work.folder / RESULT).exists() or (work.folder / FAILURE).exists()]:
                left.remove(work)
                yield work.name, read_failure(work.folder)
            if over:
                break
            tuning.join(MOMENT_S)
        tuning.join()
        for work in left:
            why = f"Ray Tune ended without it: {problem[0]}" if problem else f"Ray lost it; see {folder / 'ray'}."
            work.folder.mkdir(parents=True, exist_ok=True)
            write_json(work.folder / FAILURE, {"error": why})
            yield work.name, why
    finally:
        ray.shutdown()  # and the trials with it: each holds a pipe to the actor that started it


def _tune(works: Sequence[Work], folder: Path, most: int, retries: int) -> None:
    from ray import tune

    by_name = {work.name: work for work in works}
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(_follow, works=by_name), _needs(works)),
        param_space={"trial": tune.grid_search(list(by_name))},
        tune_config=tune.TuneConfig(max_concurrent_trials=most or None),
        run_config=tune.RunConfig(
            storage_path=str(folder / "ray"), failure_config=tune.FailureConfig(max_failures=retries), verbose=0
        ),
    )
    tuner.fit()


def _follow(config: dict[str, str], works: dict[str, Work]) -> None:
    """What Ray runs on some machine."""
    from ray import tune

    from .sweep import attempt

    tune.report({"error": attempt(works[config["trial"]], threading.Event())})


def _needs(works: Sequence[Work]) -> dict[str, float]:
    """The largest need of any trial: one sweep's trials are much alike."""
    import ray

    cards = float(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call, unused-ignore]
    wanted = [0.0]
    for work in works:
        loop = work.order.recipe["loop"]
        if loop["accelerator"] == "cuda" or (loop["accelerator"] == "auto" and cards):
            wanted.append(float(loop["devices"]))
    return {"cpu": float(max(work.order.threads for work in works)), "gpu": max(wanted)}
