"""`scotopic info`: what we see in a photo before anything is done to it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .failure import explain, show_trace
from .values import Pixels, shown

if TYPE_CHECKING:
    from ..image import Description, Sensor


@click.command(short_help="What is in a photo: size, profile, how dark, how noisy.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(readable=False))
@click.option("--max-pixels", type=Pixels(), metavar="N", help="Refuse larger photos, e.g. 800M. [default: 500M]")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON per photo.")
def info(files: tuple[str, ...], max_pixels: int | None, as_json: bool) -> None:
    """Show what scotopic sees in photos: size, bits, profile, exposure, how dark, how noisy.

    FILE may also be a folder or a quoted pattern.

    \b
    Examples:
      scotopic info night.jpg
      scotopic info DSC01234.ARW --json
    """
    from ..errors import ImageError
    from ..image import DEFAULT_MAX_PIXELS, describe
    from .find import Problem, find

    failed = False
    for item in find(files):
        path = item.source if isinstance(item, Problem) else item.path
        try:
            if isinstance(item, Problem):
                raise ImageError(f"{shown(path)}: {item.message}")
            description = describe(path, max_pixels=max_pixels or DEFAULT_MAX_PIXELS, name=shown(path))
        except ImageError as error:
            failed = True
            show_trace(error)
            click.secho(f"Error: {explain(error)}", fg="red", err=True)
            if as_json:
                click.echo(json.dumps({"file": path, "error": explain(error)}))
            continue
        if as_json:
            click.echo(json.dumps({"file": path, **asdict(description)}))
        else:
            click.echo("\n".join([shown(path), *(f"  {line}" for line in lines(description))]))
    if failed:
        sys.exit(1)


def lines(seen: Description) -> list[str]:
    """A description for people."""
    colour = ("grey", "colour")[seen.bands == 3] + (" with transparency" if seen.alpha else "")
    parts = [
        f"{seen.format.upper()}, {seen.width} × {seen.height} ({seen.megapixels:.1f} MP), {seen.bits} bits",
        colour,
    ]
    if seen.format == "raw":
        parts.append("a mosaic" if seen.sensor else "no mosaic: developed by LibRaw")
    else:
        parts.append(f"profile {seen.profile}" if seen.profile else "no profile (taken for sRGB)")
    if seen.orientation != 1:
        parts.append(f"stored turned (Exif orientation {seen.orientation})")
    make, model = seen.make or "", seen.model or ""
    shot = [
        model if model.startswith(make) else f"{make} {model}".strip(),  # many write "Canon" and "Canon EOS R5"
        _shutter(seen.exposure_s) if seen.exposure_s else "",
        f"f/{seen.f_number:g}" if seen.f_number else "",
        f"ISO {seen.iso}" if seen.iso else "",
        seen.taken or "",
    ]
    sensor = seen.sensor
    light = (
        f"mean brightness {seen.mean_brightness:.0%}, {seen.shadows:.0%} in deep shadow, {seen.clipped:.1%} blown out"
    )
    noise = f"sigma {seen.noise_sigma_8bit:.1f} of 255 in the middle of the picture"
    if sensor:
        light = "nothing is missing" if sensor.ratio == 1 else f"wants {sensor.ratio:.3g} times as much"
        noise = f"{sensor.gain_dn:.2g} DN per photon caught, {sensor.read_sigma_dn:.2g} DN without light"
    return [
        f"picture  {', '.join(parts)}",
        *([f"taken    {', '.join(filter(None, shot))}"] if any(shot) else []),
        *([f"sensor   {_sensor(sensor)}"] if sensor else []),
        f"light    {seen.how_dark}: {light}",
        f"noise    {noise}",
    ]


def _sensor(sensor: Sensor) -> str:
    pattern = "".join(sensor.cfa) if len(sensor.cfa) == 2 else "X-Trans"
    black = sensor.black_level_dn[:1] if len(set(sensor.black_level_dn)) == 1 else sensor.black_level_dn
    balance = " ".join(f"{gain:.3g}" for gain in sensor.white_balance)
    return (
        f"{pattern}, black {' '.join(f'{level:g}' for level in black)}, white {sensor.white_level_dn:g}, "
        f"white balance {balance}"
    )


def _shutter(seconds: float) -> str:
    """As cameras write it: 1/30 s, 0.5 s, 8 s."""
    return f"{seconds:.3g} s" if seconds >= 0.3 else f"1/{1 / seconds:.0f} s"
