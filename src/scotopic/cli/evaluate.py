"""`scotopic evaluate`: score methods on pictures with a truth."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .failure import INTERRUPTED, needs_train_extra
from .progress import Tally, screen
from .values import shown

if TYPE_CHECKING:
    from ..experiments.evaluate import Evaluation
    from ..experiments.methods import Method
    from ..experiments.sets.items import EvaluationSet

NARROWEST = 80
WAYS = ("best", "last")


@dataclass(frozen=True)
class DataOptions:
    """Which pictures to score on, as the command line says."""

    data: str | None
    split: str | None
    raw_scenes: bool
    cfa: str
    camera: str | None
    frames: Literal["first", "all"]
    misaligned: bool
    every: int
    limit: int | None


@click.command(short_help="Score models, runs, baselines or finished pictures (needs scotopic[train]).")
@click.option(
    "-m",
    "--model",
    "models",
    metavar="[NAME=]M",
    multiple=True,
    help="A shipped model or a model folder (MODEL@fast: its fast tier), a run folder (RUN@last), a baseline, a folder "
    "of finished pictures, an .onnx file; repeatable.",
)
@click.option(
    "--onnx",
    "graphs",
    metavar="[NAME=]FILE",
    multiple=True,
    help="Anybody's network as an .onnx file: as --model FILE; repeatable.",
)
@click.option(
    "-d", "--data", metavar="D", type=click.Path(), help="Pictures and their truth. [default: what the run holds out]"
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    help="Which of them. [default: test; of raw scenes and runs val]",
)
@click.option("--raw-scenes", is_flag=True, help="D is a folder of clean photos: take synthetic raws of them.")
@click.option(
    "--cfa", type=click.Choice(["bayer", "xtrans"]), default="bayer", show_default=True, help="Sensor of raw scenes."
)
@click.option("--camera", type=click.Choice(["Sony", "Fuji"]), help="Which lists of SID. [default: those there are]")
@click.option(
    "--frames",
    type=click.Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="Of SID: the first frame of each exposure, as its authors score, or all of them.",
)
@click.option("--without-misaligned", is_flag=True, help="Of SID: leave out scenes 10034, 10045 and 10172.")
@click.option(
    "--ratio",
    type=click.Choice(["given", "estimated"]),
    default="given",
    show_default=True,
    help="Whether raw models are told the ratio of exposures.",
)
@click.option("--metrics", metavar="A,B", help="Scores by name, or all. [default: all but the slow ones]")
@click.option("--lpips", metavar="FILE", type=click.Path(dir_okay=False), help="Score LPIPS too, by this .onnx graph.")
@click.option("--card", metavar="FILE", type=click.Path(dir_okay=False), help="What an .onnx file takes and gives.")
@click.option("--every", type=click.IntRange(min=1), default=1, metavar="N", help="Every N-th picture only.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="No more than N pictures.")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False), help="[default: evaluations/ and the data's name]"
)
@click.option("--save-pictures", is_flag=True, help="Keep what the methods make, as PNG.")
@click.option("--fresh", is_flag=True, help="Do again what is done already.")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Pictures at a time. [default: by the cores]"
)
@click.option(
    "-t",
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Threads for each picture.",
)
@click.option(
    "--device", metavar="NAME", default="cpu", show_default=True, help="Where the networks of runs work, e.g. cuda."
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
def evaluate(
    models: tuple[str, ...],
    graphs: tuple[str, ...],
    metrics: str | None,
    lpips: str | None,
    card: str | None,
    ratio: Literal["given", "estimated"],
    folder: str | None,
    save_pictures: bool,
    fresh: bool,
    jobs: int | None,
    threads: int,
    device: str,
    as_json: bool,
    without_misaligned: bool,
    **wanted: Any,
) -> None:
    """Score one or several methods on pictures whose truth is known, and show them in one table.

    D is a folder of pairs (low and high, LOL, SICE, SID) or a .json list of them; 'scotopic data check' says what a
    folder is. Without D it is what the recipe of the first run holds out. A folder of pictures without truth is scored
    by the metrics that need none.

    Rows for each picture (rows.jsonl, rows.csv) and the summary go to a folder for each method. The same command goes
    on where it was interrupted. A picture that cannot be scored is listed, and the exit code is then 1.

    \b
    Examples:
      scotopic evaluate -m zero_dce -m clahe -m input --data LOL
      scotopic evaluate -m runs/unet -m runs/cnn --split test
      scotopic evaluate -m theirs=results/retinexnet --data pairs.json
      scotopic evaluate -m ksigma_unet --data photos --raw-scenes
    """
    options = DataOptions(misaligned=not without_misaligned, **wanted)
    if not models and not graphs:
        raise click.UsageError("There is nothing to score. Add --model M, or --onnx FILE.")
    for graph in graphs:
        if not graph.lower().endswith(".onnx"):
            raise click.UsageError(f"--onnx takes a file called .onnx, got '{graph}'. Give all else with --model.")
    models += graphs
    if card and not any(spec.lower().endswith(".onnx") for spec in models):
        raise click.UsageError("--card says what an .onnx file takes and gives, and no --model is one.")
    with needs_train_extra("Scoring"):
        from ..experiments.evaluate import evaluate as score
        from ..experiments.score_lines import failures, score_lines
        from ..experiments.scoring import DEFAULT, choose_metrics, columns_of
        from ..experiments.sets.item import unique
        from ..metrics import METRICS, open_lpips
        from .worker import share_cores

        names = list(DEFAULT)
        if metrics is not None:
            names = [*columns_of(METRICS.values())] if metrics == "all" else [n.strip() for n in metrics.split(",")]
        choose_metrics(names)
        extra = [open_lpips(lpips, threads=threads)] if lpips else []
        data = open_data(options, models)
        methods = [open_by(spec, ratio, threads, device, card) for spec in models]
        for at, method in enumerate(methods):
            if any(method.name == other.name for other in methods[:at]):
                raise click.UsageError(
                    f"Two methods are called '{method.name}'. Give each a name of its own: -m NAME=…"
                )
        called = unique(method.name.replace(" ", "-") for method in methods)
        home = Path(folder) if folder else Path("evaluations") / f"{data.name}-{data.split}"
        jobs, _ = share_cores(jobs, threads, False)
        tally, done = Tally(total=len(data.items) * len(methods)), []
        with screen(False, as_json) as display:

            def note(row: dict[str, Any], kept: bool) -> None:
                if "error" in row:
                    tally.failed += 1
                elif kept:
                    tally.skipped += 1
                else:
                    tally.done += 1
                    tally.megapixels += row["width"] * row["height"] / 1e6
                display.update(tally)

            try:
                for method, name in zip(methods, called, strict=True):
                    done.append(
                        score(
                            method,
                            data,
                            home / name,
                            metrics=names,
                            extra=extra,
                            jobs=jobs,
                            save_pictures=save_pictures,
                            fresh=fresh,
                            on_progress=note,
                        )
                    )
            except KeyboardInterrupt:
                display.say("Interrupted. The same command (without --fresh) goes on from here.")
                click.get_current_context().exit(INTERRUPTED)
        if as_json:
            click.echo(json.dumps(facts(done), indent=2, ensure_ascii=False))
        else:
            wide = max(NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
            for line in score_lines(done, wide):
                click.echo(line)
        for line in failures(done):
            click.secho(f"Error: {line}", fg="red", err=True)
    click.echo(f"Rows and summary of each: {shown(str(home))}", err=True)
    if any(one.failed for one in done):
        sys.exit(1)


def open_data(options: DataOptions, models: Sequence[str]) -> EvaluationSet:
    """The pictures to score on: those of --data, or what the runs among `models` hold out."""
    from ..experiments.sets.items import open_set, raw_scenes, recipe_set, some_of

    if options.cfa != "bayer" and not options.raw_scenes:
        raise click.UsageError("--cfa is the sensor of raw scenes. Add --raw-scenes, or leave it out.")
    if (options.data is None or options.raw_scenes) and (
        options.camera or options.frames != "first" or not options.misaligned
    ):
        raise click.UsageError(
            "--camera, --frames and --without-misaligned are for SID. Give its folder with --data, or leave them out."
        )
    if options.data is None:
        if options.raw_scenes:
            raise click.UsageError("--raw-scenes takes raws of the photos in --data. Add --data FOLDER.")
        runs = [run for spec in models if (run := run_in(spec))]
        if not runs:
            raise click.UsageError("Say with --data what to score on: only a run folder brings pictures of its own.")
        sets = [recipe_set(run, options.split or "val") for run in runs]  # type: ignore[arg-type]
        for run, other in zip(runs, sets, strict=True):
            if other.digest != sets[0].digest:
                raise click.UsageError(
                    f"{shown(str(runs[0]))} and {shown(str(run))} hold out different pictures, so their scores do not "
                    "compare. Score them one by one, or both on the same --data."
                )
        found = sets[0]
    elif options.raw_scenes:
        found = raw_scenes(options.data, options.split or "val", cfa=options.cfa)  # type: ignore[arg-type]
    else:
        found = open_set(
            options.data,
            options.split or "test",  # type: ignore[arg-type]
            camera=options.camera or "",
            frames=options.frames,
            misaligned=options.misaligned,
        )
    return some_of(found, options.every, options.limit)


def open_by(spec: str, ratio: Literal["given", "estimated"], threads: int, device: str, card: str | None) -> Method:
    """The method of a --model, NAME=SPEC or SPEC; one that estimates the ratio says so."""
    from ..experiments.methods import open_method

    name, _, rest = spec.partition("=") if "=" in spec and not Path(spec).exists() else ("", "", spec)
    card = card if rest.lower().endswith(".onnx") else None  # it is for those among several methods
    method = open_method(rest, name=name, threads=threads, ratio=ratio, device=device, card=card)
    estimated = method.facts.get("ratio") == "estimated"
    return replace(method, name=f"{method.name}, ratio estimated") if estimated else method


def run_in(spec: str) -> Path | None:
    """The run folder or checkpoint file that a --model names, if it is one."""
    spec = spec.partition("=")[2] if "=" in spec and not Path(spec).exists() else spec
    before, _, which = spec.rpartition("@")
    if which in WAYS and (Path(before) / "checkpoints").is_dir():
        return Path(before) / "checkpoints" / f"{which}.safetensors"
    path = Path(spec)
    if (path / "checkpoints").is_dir():
        return path
    return path if path.parent.name == "checkpoints" and path.is_file() else None


def facts(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """The evaluations for programs: no number is one that JSON does not know."""
    return {
        "data": dict(evaluations[0].data),
        "methods": [
            {
                **one.method,
                "folder": str(one.folder),
                "scored": len(one.scored),
                "failed": [{"name": row["name"], "error": row["error"]} for row in one.failed],
                "summary": {
                    group: {
                        metric: {key: value if math.isfinite(value) else None for key, value in numbers.items()}
                        for metric, numbers in scores.items()
                    }
                    for group, scores in one.summary.items()
                },
            }
            for one in evaluations
        ],
    }
