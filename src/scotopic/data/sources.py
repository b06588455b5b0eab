"""Which pictures of a folder are for training, which for validation, and which for testing."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from zlib import crc32

from scotopic.image import is_picture_path

from ..errors import DataError

TABLE = "SOURCES.csv"
COLUMNS = ("file", "kind", "split", "licence")
Kind = Literal["photo", "hdr"]
Split = Literal["train", "val", "test"]


def sources(root: Path, kind: Kind, split: Split, licences: Sequence[str] = ()) -> dict[Path, float]:
    """The photos or the panoramas (.exr) of one split in a fixed order, each with the scale at which it is sharp.

    With a `SOURCES.csv` in `root` (columns file, kind, split, licence, and rec_scale for the scale) that table decides,
    and `licences` (prefixes; none = all) which of them may be used. Without one, every tenth picture by a hash of its
    name is for validation, none for testing, and the scale is 1. Raises DataError where there are no photos;
    panoramas may be missing.
    """
    if (root / TABLE).exists():
        rows = [row for row in read_table(root) if row["kind"].startswith(kind) and row["split"] == split]
        allowed = tuple(licences) or ("",)
        found = {
            root / row["file"]: float(row.get("rec_scale") or 1) for row in rows if row["licence"].startswith(allowed)
        }
    elif licences:
        raise DataError(
            f"'{root}' has no SOURCES.csv, so licences {list(licences)} cannot be checked. Add the "
            "table (docs/training-photos.md), or take all pictures there: data.licences=[]"
        )
    else:
        found = {path: 1.0 for path in _files(root, kind) if split == _by_hash(path)}
    if kind == "photo" and not found:
        raise DataError(
            f"No photos for the {split} split in '{root}'. Set data.root to a folder of well-exposed pictures"
            + (", with a SOURCES.csv that says which are for testing." if split == "test" else ".")
        )
    return found


def read_table(root: Path) -> list[dict[str, str]]:
    """The rows of the `SOURCES.csv` in `root`. Raises DataError where columns are missing."""
    with (root / TABLE).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise DataError(
                f"'{root / TABLE}' has no column {' and no column '.join(missing)}; it has: "
                f"{', '.join(reader.fieldnames or ()) or 'none'}. Give it the columns {', '.join(COLUMNS)}."
            )
        return [{column: value or "" for column, value in row.items()} for row in reader]


def _by_hash(path: Path) -> Split:
    return "train" if crc32(path.stem.encode()) % 10 else "val"


def _files(root: Path, kind: Kind) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and (path.suffix.lower() == ".exr" if kind == "hdr" else is_picture_path(path)):
            yield path
