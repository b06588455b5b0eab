"""Comparisons: better is positive whichever way a metric goes, and where one looks is decided by the data alone."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.errors import DataError, WriteError
from scotopic.experiments.comparing.compare import compare, draw_strips, holm
from scotopic.experiments.comparing.comparison_page import write_pages
from scotopic.experiments.comparing.strips import GAP, TEXT, Window, choose, draw_strip, windows
from scotopic.experiments.evaluate import Evaluation
from scotopic.experiments.sets.item import PROTOCOL, EvaluationSet, Item

METRICS = ("psnr", "mae", "brightness_error")
SIDE = 64


def truth(number):
    """A flat picture with fine detail at the upper left, and a darker, coarser patch at the lower right."""
    picture = np.full((SIDE, SIDE, 3), 0.6, np.float32)
    picture[:16, :16] = np.random.default_rng(number).random((16, 16, 1), np.float32)
    picture[-16:, -16:] = 0.1
    picture[-16::4, -16:] = 0.2
    return picture


@pytest.fixture
def data(tmp_path):
    items = [
        Item(
            f"p{i}", f"s{i // 2}", f"x{100 + i % 2}", None, lambda i=i: truth(i) * np.float32(0.1), lambda i=i: truth(i)
        )
        for i in range(16)
    ]
    return EvaluationSet("made", tmp_path, "test", "Made here.", PROTOCOL, items, "0123")


def evaluation(data, name, offset, **more):
    """A method that scores `offset` better than another's 0, more so on later pictures; its pictures are flat."""
    folder = data.root / name
    (folder / "pictures").mkdir(parents=True)
    rows = []
    for i, item in enumerate(data.items):
        gain = offset * (1 + i / 100)
        scores = {"psnr": 20 + gain, "mae": 0.5 - 0.01 * gain, "brightness_error": (-1) ** i * (0.5 - 0.01 * gain)}
        rows.append({"name": item.name, "scene": item.scene, "group": item.group, **scores, **more})
        Image.fromarray(np.full((SIDE, SIDE, 3), 10 * (1 + offset), np.uint8)).save(
            folder / f"pictures/{item.name}.png"
        )
    facts = {"name": "made", "split": "test", "how": "", "digest": "0123", "protocol": PROTOCOL}
    return Evaluation(folder, {"name": name, "kind": "run", "facts": {}}, facts, METRICS, tuple(rows), {})


def test_positive_is_better_whichever_way_the_metric_goes(data):
    found = compare([evaluation(data, "good", 2), evaluation(data, "bad", 0)])
    assert found.by == "psnr"
    whole = [contest for contest in found.contests if not contest.group]
    assert [contest.metric for contest in whole] == list(METRICS)
    for contest, unit in zip(whole, (1, 0.01, 0.01), strict=True):
        assert contest.difference.mean == pytest.approx(2 * unit * (1 + 7.5 / 100))
        assert (contest.difference.wins, contest.difference.losses, contest.difference.count) == (16, 0, 16)
        assert contest.difference.low > 0
        assert contest.p_holm == contest.difference.p < 0.01
    assert {contest.group for contest in found.contests} == {"", "x100", "x101"}
    assert [case.name for case in found.cases] == ["p15", "p14", "p13"]  # never behind: no worst cases
    turned = compare(found.evaluations[::-1], by="mae")
    assert turned.contests[0].difference.mean == -found.contests[0].difference.mean
    assert [case.name for case in turned.cases] == ["p13", "p14", "p15"]
    assert all(case.difference < 0 for case in turned.cases)


def test_equal_methods_do_not_differ_and_many_pairs_are_corrected_for(data):
    same = compare([evaluation(data, name, 1) for name in "abc"])
    assert {contest.difference.p for contest in same.contests} == {1.0}
    assert same.cases == ()
    assert holm([0.02, math.nan, 0.01, 0.9]) == pytest.approx([0.04, math.nan, 0.03, 0.9], nan_ok=True)


def test_only_pictures_that_all_scored_are_compared(data):
    good, bad = evaluation(data, "good", 2), evaluation(data, "bad", 0)
    broken = {"name": "p3", "scene": "s1", "group": "", "error": "it broke"}
    rows = tuple(broken if row["name"] == "p3" else row for row in bad.rows)
    without = tuple({**row, "mae": None} if row["name"] == "p4" else row for row in good.rows)
    found = compare([replace(good, rows=without), replace(bad, rows=rows)])
    assert found.left_out == {"p3": "it broke"}
    counts = {contest.metric: contest.difference.count for contest in found.contests if not contest.group}
    assert counts == {"psnr": 15, "mae": 14, "brightness_error": 15}


def test_what_cannot_be_compared_is_refused(data):
    good, bad = evaluation(data, "good", 2), evaluation(data, "bad", 0)
    for evaluations, why in (
        ([good], "Two or more"),
        ([good, replace(bad, method=good.method)], "NAME=METHOD"),
        ([good, replace(bad, data={**bad.data, "digest": "4567"})], "digest differs"),
        ([good, replace(bad, data={**bad.data, "protocol": "cropped"})], "protocol differs"),
        ([good, replace(bad, rows=())], "nothing can be compared"),
    ):
        with pytest.raises(DataError, match=why):
            compare(evaluations)
    with pytest.raises(DataError, match="Choose one of: psnr, mae"):
        compare([good, bad], by="ssim")


def test_places_are_where_there_is_detail_and_where_it_is_dark():
    detail, dark = windows(truth(0), 16)
    assert (detail.rule, detail.top, detail.left) == ("detail", 0, 0)
    assert (dark.rule, dark.top, dark.left) == ("dark", SIDE - 16, SIDE - 16)
    assert [(w.top, w.left, w.height, w.width) for w in windows(truth(0), 100)] == [(0, 0, SIDE, SIDE)]
    assert [(w.height, w.width) for w in windows(truth(0)[:1, :1], 16)] == [(1, 1)]


def test_scenes_hang_on_data_and_seed_alone(data):
    chosen = [item.name for item in choose(data.items, 4)]
    assert chosen == [item.name for item in choose(data.items[::-1], 4)][::-1]
    assert len({item.scene for item in choose(data.items, 4)}) == 4
    assert set(chosen) <= {item.name for item in choose(data.items, 5)}
    assert chosen != [item.name for item in choose(data.items, 4, seed=1)]
    assert len(choose(data.items, 100)) == 8


def test_a_tile_shows_the_very_pixels(tmp_path):
    reference, other = truth(0), np.random.default_rng(1).random((SIDE, SIDE, 3), np.float32)
    window = Window("detail", 8, 24, 32, 32)
    tiles = [("one", other), ("none", None), ("$x^2_", reference[1:]), ("truth", reference)]
    draw_strip(tmp_path / "s.png", window, reference, tiles)
    strip = np.asarray(Image.open(tmp_path / "s.png").convert("RGB"), np.float64) / 255
    assert strip.shape == (32 + TEXT, 32 + 4 * (32 + GAP), 3)
    for i, image in ((1, other), (4, reference)):
        tile = strip[TEXT:, i * (32 + GAP) :][:, :32]
        assert tile == pytest.approx(image[8:40, 24:56], abs=1.01 / 255)
    assert [path.name for path in tmp_path.iterdir()] == ["s.png"]


def test_all_is_written_and_says_what_was_done(data, tmp_path):
    found = compare([evaluation(data, name, 2 - i) for i, name in enumerate(("<b>old", "new"))])
    place = tmp_path / "out"
    strips, shots, problems = draw_strips(found, data, place, scenes=3, side=16)
    (data.root / "new" / "pictures" / f"{shots[0].picture}.png").write_bytes(b"no picture")
    again = draw_strips(found, data, place, scenes=3, side=16)
    assert problems == {}
    assert list(again[2]) == [shots[0].picture]
    write_pages(place, found, strips, again[2])
    facts = json.loads((place / "comparison.json").read_text())
    assert (facts["pictures"], facts["scenes"], facts["by"]) == (16, 8, "psnr")
    assert facts["means"]["<b>old"]["psnr"]["mean"] == pytest.approx(22.15)
    assert len(facts["differences"]) == 3 * 3
    assert [strip["why"] for strip in facts["strips"]] == ["fixed"] * 6 + ["best of <b>old against new"]
    page, text = ((place / f"comparison.{kind}").read_text() for kind in ("html", "md"))
    for strip in facts["strips"]:
        assert Path(place / strip["file"]).exists()
        assert f'src="{strip["file"]}"' in page
        assert f"({strip['file']})" in text
    assert "<b>" not in page + text.replace("\\<b", "")
    assert "16 pictures of 8 scenes" in text
    with pytest.raises(DataError, match="other pictures"):
        draw_strips(found, replace(data, digest="4567"), place)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Choose another folder"):
        draw_strips(found, data, tmp_path / "file")


def test_without_truth_no_tile_is_called_so(data, tmp_path):
    found = compare([evaluation(data, name, 2 - i) for i, name in enumerate(("old", "new"))])
    for paired, tiles in ((True, 4), (False, 3)):
        strips, _, _ = draw_strips(found, replace(data, paired=paired), tmp_path / str(paired), scenes=1, side=16)
        with Image.open(tmp_path / str(paired) / strips[0].file) as strip:
            assert strip.size == (16 + tiles * (16 + GAP), 16 + TEXT)
