"""`scotopic enhance`: photos, folders and patterns in, brighter photos out."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import click

from .failure import INTERRUPTED
from .values import PROFILE_NAMES, FormatName, ModelName, Pixels, Quality, shown, tier_and_quality

# Only what a help text needs is imported up here.
if TYPE_CHECKING:
    from .plan import Layout, Step
    from .progress import Tally


@click.command(short_help="Brighten dark photos: files, folders, patterns.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(readable=False))
@click.option(
    "-o",
    "--output",
    "out",
    metavar="OUT",
    type=click.Path(readable=False),
    help="A file, a folder, or - for standard output.",
)
@click.option(
    "-m",
    "--model",
    type=ModelName(),
    help="A name from 'scotopic models', or a model folder. [default: by the kind of picture]",
)
@click.option("-s", "--strength", type=float, default=1.0, show_default=True, help="0 changes nothing, 2 is the most.")
@click.option(
    "-e",
    "--exposure",
    type=float,
    default=0.0,
    metavar="EV",
    help="Brighter (+) or darker (-) still, in stops: -4 to 4.",
)
@click.option(
    "-d",
    "--denoise",
    type=float,
    metavar="N",
    help="Ordinary pictures: how much of the noise to take away, 0 to 1. [default: 0.9]",
)
@click.option(
    "--ratio", type=float, metavar="N", help="Camera raws: multiply their light by N. [default: estimated, 1 to 300]"
)
@click.option(
    "--protect-highlights/--no-protect-highlights",
    default=True,
    show_default=True,
    help="Leave lamps, windows and well-lit photos as they are.",
)
@click.option(
    "-f", "--format", "format", type=FormatName(), help="Kind of file to write. [default: as the input; raw: jpeg]"
)
@click.option(
    "-q",
    "--quality",
    "qualities",
    type=Quality(),
    multiple=True,
    metavar="fast|best|N",
    help="fast only brightens ordinary pictures, best (default) also removes the noise this shows. A number: how well "
    "JPEG, WebP and AVIF are kept, 1 (small) to 100. Give both by giving it twice.",
)
@click.option("--bits", type=click.Choice(["8", "16"]), help="Depth for PNG and TIFF. [default: as the input; raw: 16]")
@click.option("--profile", type=click.Choice(PROFILE_NAMES), help="Camera raws: colours to write. [default: srgb]")
@click.option(
    "--overwrite/--skip-existing", default=False, help="Make results again that are there. [default: skip them]"
)
@click.option("--compare", is_flag=True, help="Also write before and after side by side, as ..._scotopic_compare.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1), metavar="N", help="Photos at the same time. [default: by the cores]"
)
@click.option(
    "-t", "--threads", type=click.IntRange(1), metavar="N", help="Threads for each photo. [default: by the cores]"
)
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="Where the network runs, e.g. cuda; repeatable."
)
@click.option("--max-pixels", type=Pixels(), metavar="N", help="Refuse larger photos, e.g. 800M. [default: 500M]")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON per photo on standard output.")
def enhance(
    inputs: tuple[str, ...],
    out: str | None,
    model: str | None,
    strength: float,
    exposure: float,
    denoise: float | None,
    ratio: float | None,
    protect_highlights: bool,
    format: str | None,
    qualities: tuple[int | str, ...],
    bits: str | None,
    profile: str | None,
    overwrite: bool,
    compare: bool,
    jobs: int | None,
    threads: int | None,
    providers: tuple[str, ...],
    max_pixels: int | None,
    as_json: bool,
) -> None:
    """Brighten dark photos. The originals stay as they are.

    INPUT is a photo (JPEG, PNG, TIFF, WebP, AVIF, HEIC, camera raw), a folder with everything in it, a quoted pattern
    such as 'holiday/**/*.NEF', or - for standard input.

    Without -o the result lies beside the photo: night.jpg becomes night_scotopic.jpg. With -o it goes to that file or
    folder; the tree of an input folder is kept, and beside other inputs its name too. Camera raws become JPEG unless
    --format says otherwise; where the camera's own JPEG lies beside it, DSC1.ARW becomes DSC1_ARW_scotopic.jpg. In
    folders, hidden files and earlier results (*_scotopic.*) are left alone. An original is replaced only if OUT names
    it and --overwrite is given.

    Brightening shows the noise of the dark. With a model that has a denoiser ('scotopic models' shows two numbers of
    parameters), ordinary pictures lose it: as much as --denoise says, and with --quality fast none, in far less
    time.

    Camera raws go from the sensor's values to the picture in one network, which removes the noise too, whatever
    --quality says. How much their light is amplified (x118, say) is estimated, or given by --ratio; --exposure comes on
    top. Raws of a kind that no network takes are developed by LibRaw first.

    Results that are there already are skipped, so after Ctrl-C or a power cut the same command goes on where it
    stopped. A photo that cannot be read is reported, and the others go on.

    \b
    Examples:
      scotopic enhance night.jpg
      scotopic enhance night.jpg -o bright.jpg --strength 0.7
      scotopic enhance night.jpg --quality fast --quality 95
      scotopic enhance DSC01234.ARW --format tiff --profile display-p3
      scotopic enhance holiday -o brighter --compare
      scotopic enhance 'holiday/**/*.jpg' -o brighter --exposure +0.5
      scotopic enhance - < night.jpg > bright.jpg
    """
    # numpy, imported next, would start BLAS threads that spin beside ours: 80 ms of a processor, for small products.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..image import DEFAULT_MAX_PIXELS
    from ..runtime import Controls
    from .batch import DiskFullError, run
    from .outcome import Report
    from .plan import STANDARD, Job, check_wishes, lay_out, names_one_file
    from .progress import screen
    from .worker import Worker, share_cores

    tier, quality = tier_and_quality(qualities)
    controls = Controls(strength, exposure, protect_highlights, ratio, tier, denoise)
    single = names_one_file(inputs)
    to_pipe = out == STANDARD or (out is None and STANDARD in inputs)
    if to_pipe or STANDARD in inputs:
        _check_pipe(inputs, to_pipe=to_pipe, extras=as_json or compare)
    layout = lay_out(inputs, None if to_pipe else out, format=format, compare=compare, overwrite=overwrite)
    steps = [Job(inputs[0], STANDARD)] if to_pipe else _steps(inputs, layout)
    check_wishes(format or (layout.format_of(inputs[0]) if single and not to_pipe else None), quality, bits)
    jobs, threads = share_cores(jobs, threads, single)
    depth: Literal[8, 16] | None = None if bits is None else 16 if bits == "16" else 8
    limit = max_pixels or DEFAULT_MAX_PIXELS
    worker = Worker(controls, model, threads, providers, format, quality, depth, profile, overwrite, limit)

    with screen(single, as_json) as lines:
        report = Report(
            lines, as_json=as_json, single=single, estimated=ratio is None and strength == 1 and not exposure
        )
        if not single:
            _count_meanwhile(inputs, out, report.tally)
        if threading.current_thread() is threading.main_thread():
            _heed_polite_kills()
        try:
            run(worker.ready(steps), worker, report, jobs=jobs, finish=not single, drop=worker.drop)
        except KeyboardInterrupt:
            report.summary()
            report.note(_how_to_resume(single, overwrite))
            sys.exit(INTERRUPTED)
        except DiskFullError:
            report.summary()
            raise
    report.summary()
    if report.tally.seen == 0:
        report.note(f"No pictures in {', '.join(shown(text) for text in inputs)}.")
    if report.tally.failed:
        sys.exit(1)


def _heed_polite_kills() -> None:
    """A polite kill and a terminal that is closed leave no half file either, unless (nohup) the latter is ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _steps(inputs: Sequence[str], layout: Layout) -> Iterable[Step]:
    from .find import Found, find
    from .plan import STANDARD, plan

    if STANDARD not in inputs:
        return plan(find(inputs, layout.out, new_only=layout.out is None), layout, one_tree=len(inputs) == 1)
    if not layout.out_is_file:
        raise click.UsageError("A picture from standard input has no name: let OUT be a file, not a folder.")
    return plan([Found(STANDARD, STANDARD)], layout)


def _check_pipe(inputs: Sequence[str], *, to_pipe: bool, extras: bool) -> None:
    """A usage error for what cannot go through standard input or output."""
    from .plan import names_one_file

    if not names_one_file(inputs):
        raise click.UsageError("- stands for one picture on standard input or output: give one INPUT.")
    if to_pipe and extras:
        raise click.UsageError("Standard output carries the picture: --json and --compare need -o FILE.")
    if to_pipe and sys.stdout.isatty():
        raise click.UsageError("Standard output is the screen, not a file: add '> bright.jpg', or use -o bright.jpg.")


def _count_meanwhile(inputs: Sequence[str], out: str | None, tally: Tally) -> None:
    """Counts the pictures while the first are made already: a big folder on a slow disk takes a while to list."""
    from .find import find

    def count() -> None:
        tally.total = sum(1 for _ in find(inputs, out, new_only=out is None))

    threading.Thread(target=count, name="count", daemon=True).start()


def _how_to_resume(single: bool, overwrite: bool) -> str:
    if single:
        return "Interrupted."
    if overwrite:
        return "Interrupted. The same command starts from the beginning; without --overwrite it makes what is missing."
    return "Interrupted. Run the same command again to go on where it stopped."
