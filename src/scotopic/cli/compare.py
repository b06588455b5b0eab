"""`scotopic compare`: methods against each other, by their scores and by eye."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .evaluate import DataOptions, open_by, open_data
from .evaluate import evaluate as evaluate_command
from .failure import INTERRUPTED, needs_train_extra
from .progress import Tally, screen
from .values import shown

if TYPE_CHECKING:
    from ..experiments.comparing.blind import Shot
    from ..experiments.comparing.compare import Comparison
    from ..experiments.evaluate import Evaluation
    from ..experiments.sets.items import EvaluationSet

OF_DATA = ("split", "raw_scenes", "cfa", "camera", "frames", "without_misaligned", "every", "limit")
OF_SCORING = ("ratio", "metrics", "card", "fresh", "jobs", "threads", "device")
ALIKE = ("data", *OF_DATA, *OF_SCORING)
"""Options of `scotopic evaluate` that mean the same here."""


def with_options_of_evaluate(command: click.Command) -> click.Command:
    command.params += [option for option in evaluate_command.params if option.name in ALIKE]
    return command


@with_options_of_evaluate
@click.command(short_help="Compare methods: differences, strips of pictures, blind votes (needs scotopic[train]).")
@click.argument("methods", nargs=-1, metavar="[NAME=]M...")
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False), help="[default: comparisons/, data and methods]"
)
@click.option(
    "--evaluations",
    "home",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Where scores and pictures of M are kept. [default: evaluations/ and the data's name]",
)
@click.option("--by", metavar="METRIC", help="What the best and worst cases are told by. [default: the first]")
@click.option("--cases", type=click.IntRange(min=1), default=3, show_default=True, help="Best and worst cases a pair.")
@click.option("--scenes", type=click.IntRange(min=1), default=12, show_default=True, help="Scenes to look at.")
@click.option("--crop", type=click.IntRange(min=16), default=256, show_default=True, help="Side of a tile, in pixels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What scenes are drawn by.")
@click.option("--blind", is_flag=True, help="Then ask on a page which of two nameless pictures is better.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the page. [default: any that is free]")
@click.option(
    "--tally", "voted", metavar="FOLDER", type=click.Path(file_okay=False), help="Count the votes in FOLDER again."
)
def compare(
    methods: tuple[str, ...],
    folder: str | None,
    voted: str | None,
    blind: bool,
    port: int,
    by: str | None,
    cases: int,
    scenes: int,
    crop: int,
    seed: int,
    **options: Any,
) -> None:
    """Set methods side by side on the same pictures.

    M is what 'scotopic evaluate' takes as a model, or a folder that it made with --save-pictures; what is not scored
    yet is scored first. Written are differences, picture by picture, with intervals and p-values; the best and worst
    cases; and strips of pictures at 100 %, of scenes that are the same for the same data and --seed, whatever is
    compared: comparison.html, .md and .json.

    With --blind, a page on this computer shows pictures side by side without names. Each vote is kept at once
    (votes.jsonl), the same command goes on later, and the tally comes after the last vote (preference.json). Ctrl-C
    ends it.

    \b
    Examples:
      scotopic compare zero_dce zero_dce_pp clahe --data pairs
      scotopic compare old=runs/a new=runs/b --data pairs --blind
      scotopic compare --tally comparisons/pairs-test/old-new
    """
    if voted is not None:
        if methods:
            raise click.UsageError("--tally counts votes that were given; it takes no methods.")
        with needs_train_extra("Comparing"):
            count(Path(voted))
        return
    if len(methods) < 2:
        raise click.UsageError(f"Two or more methods can be compared, got {len(methods)}.")
    refuse_idle(methods, blind=blind)
    with needs_train_extra("Comparing"):
        from ..experiments.comparing import comparison_page
        from ..experiments.comparing.compare import compare as against
        from ..experiments.comparing.compare import draw_strips
        from ..experiments.sets.item import unique

        data, evaluations = scored(methods, **options)
        names = unique(str(one.method["name"]).replace(" ", "-") for one in evaluations)
        place = Path(folder) if folder else Path("comparisons") / f"{data.name}-{data.split}" / "-".join(names)
        comparison = against(evaluations, by=by, cases=cases, seed=seed)
        strips, shots, problems = draw_strips(comparison, data, place, scenes=scenes, side=crop)
        comparison_page.write_pages(place, comparison, strips, problems)
        if not blind:
            for line in summary(comparison):
                click.echo(line)
        click.echo(shown(str(place / "comparison.html")), err=blind)
        failed = {**comparison.left_out, **problems}
        for name, why in failed.items():
            click.secho(f"Error: {name}: {why}", fg="red", err=True)
        if blind:
            vote(shots, place, seed, port)
    if failed:
        sys.exit(1)


def refuse_idle(specs: Sequence[str], *, blind: bool) -> None:
    """UsageError for an option that was given and would do nothing."""
    context = click.get_current_context()
    given = [
        option
        for option in context.command.params
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    there = all(evaluated(spec) for spec in specs)
    # Scores that are there are not made again; and without --data, what they were made on is known.
    idle = (*OF_SCORING, *(() if context.params["data"] else OF_DATA)) if there else ()
    for option in given:
        if option.name == "port" and not blind:
            raise click.UsageError("--port is that of the page that --blind shows. Add --blind, or leave it away.")
        if option.name in idle:
            raise click.UsageError(
                f"{option.opts[-1]} says how to score, and all that is compared here has been scored. Leave it away, "
                "or give the methods instead of their evaluations."
            )


def scored(
    specs: Sequence[str],
    *,
    home: str | None,
    metrics: str | None,
    ratio: Any,
    threads: int,
    jobs: int | None,
    device: str,
    card: str | None,
    fresh: bool,
    without_misaligned: bool,
    **wanted: Any,
) -> tuple[EvaluationSet, list[Evaluation]]:
    """The data, and an evaluation for each spec: read where it is one, else made as far as it is missing."""
    from ..experiments.comparing.compare import check_names
    from ..experiments.evaluate import evaluate, read_evaluation
    from ..experiments.scoring import DEFAULT, columns_of
    from ..experiments.sets.item import unique
    from ..metrics import METRICS
    from .worker import share_cores

    chosen = list(DEFAULT)
    if metrics is not None:
        chosen = [*columns_of(METRICS.values())] if metrics == "all" else [n.strip() for n in metrics.split(",")]
    folders = [evaluated(spec) for spec in specs]
    if wanted["data"] is None and all(folders):
        data = data_of(read_evaluation(folders[0][1]))  # type: ignore[index]
    else:
        data = open_data(DataOptions(misaligned=not without_misaligned, **wanted), specs)
    methods = [
        None if found else open_by(spec, ratio, threads, device, card)
        for spec, found in zip(specs, folders, strict=True)
    ]
    # Before anything is scored: that may take hours.
    check_names(
        [
            method.name if method else found[0] or str(read_evaluation(found[1]).method["name"])  # type: ignore[index]
            for method, found in zip(methods, folders, strict=True)
        ]
    )
    called = iter(unique(method.name.replace(" ", "-") for method in methods if method))
    place = Path(home) if home else Path("evaluations") / f"{data.name}-{data.split}"
    jobs, _ = share_cores(jobs, threads, False)
    tally, done = Tally(total=len(data.items) * sum(method is not None for method in methods)), []
    with screen(False, False) as display:

        def note(row: dict[str, Any], kept: bool) -> None:
            tally.failed += "error" in row
            tally.skipped += kept
            tally.done += not kept and "error" not in row
            tally.megapixels += 0 if kept or "error" in row else row["width"] * row["height"] / 1e6
            display.update(tally)

        try:
            for method, found in zip(methods, folders, strict=True):
                if method is None:
                    assert found
                    there = read_evaluation(found[1])
                    done.append(replace(there, method={**there.method, "name": found[0] or there.method["name"]}))
                else:
                    done.append(
                        evaluate(
                            method,
                            data,
                            place / next(called),
                            metrics=chosen,
                            jobs=jobs,
                            save_pictures=True,
                            fresh=fresh,
                            on_progress=note,
                        )
                    )
        except KeyboardInterrupt:
            display.say("Interrupted. The same command (without --fresh) goes on from here.")
            click.get_current_context().exit(INTERRUPTED)
    return data, done


def evaluated(spec: str) -> tuple[str, Path] | None:
    """The name (or "") and folder of [NAME=]FOLDER, if it holds an evaluation."""
    name, _, rest = spec.partition("=") if "=" in spec and not Path(spec).exists() else ("", "", spec)
    return (name, Path(rest)) if (Path(rest) / "evaluation.json").is_file() else None


def data_of(evaluation: Evaluation) -> EvaluationSet:
    """The pictures that an evaluation was made on, if they lie where they lay."""
    from ..errors import ScotopicError
    from ..experiments.sets.items import open_set

    try:
        data = open_set(evaluation.data["root"], evaluation.data["split"])
    except ScotopicError:
        data = None
    if data is None or data.digest != evaluation.data["digest"]:
        raise click.UsageError(f"Say with --data what {shown(str(evaluation.folder))} was scored on.")
    return data


def summary(comparison: Comparison) -> list[str]:
    """How every two methods differ by the metric that cases are told by."""
    from ..experiments.comparing.comparison_page import interval_text, p_text
    from ..experiments.reporting.score_tables import title

    lines = [f"{len(comparison.names)} pictures of {len(set(comparison.scenes))} scenes; {title(comparison.by)}:"]
    for contest in comparison.contests:
        if contest.metric == comparison.by and not contest.group:
            found = contest.difference
            how = interval_text(comparison.by, found.mean, found.low, found.high, sign="+")
            lines.append(
                f"  {contest.a} against {contest.b}: {how}, p (Holm) = {p_text(contest.p_holm)}, "
                f"better on {found.wins} of {found.count}"
            )
    return lines


def vote(shots: Sequence[Shot], folder: Path, seed: int, port: int) -> None:
    """Serve the blind page until Ctrl-C."""
    from ..experiments.comparing.blind import Session, ask, open_server

    questions, left_out = ask(shots, seed)
    for line in left_out:
        click.secho(f"Not asked: {line}", err=True)
    session = Session(questions, folder, on_end=lambda _: count(folder))
    with open_server(session, port) as server:
        click.echo(
            f"http://127.0.0.1:{server.server_port}/  {session.judged} of {len(questions)} judged; Ctrl-C ends it"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo()
    if session.judged < len(questions):
        click.echo(
            f"{session.judged} of {len(questions)} judged. The same command goes on; 'scotopic compare --tally "
            f"{shown(str(folder))}' tells the scores so far."
        )


def count(folder: Path) -> None:
    """Tally the votes in a folder: preference.json, and a table on standard output."""
    from ..errors import WriteError
    from ..experiments.comparing.preference import lines, read_votes, tally, to_json

    preference = tally(read_votes(folder / "votes.jsonl"))
    try:
        unfinished = folder / ".preference.json.unfinished"
        unfinished.write_text(json.dumps(to_json(preference), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(unfinished, folder / "preference.json")
    except OSError as error:
        raise WriteError(f"Cannot write 'preference.json' to '{folder}': {error.strerror}.") from error
    for line in lines(preference):
        click.echo(line)
