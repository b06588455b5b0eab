"""An evaluation: what its rows say, that nothing is done twice, and that one bad picture spoils nothing."""

import csv
import json
import math
import threading
from dataclasses import replace

import numpy as np
import pytest

from scotopic.errors import ControlError, DataError, ModelError
from scotopic.experiments.evaluate import evaluate, read_evaluation, summarise
from scotopic.experiments.methods import Method
from scotopic.experiments.scoring import MOST_PSNR_DB, choose_metrics
from scotopic.experiments.sets.item import Item, make_set, no_target
from scotopic.image import read
from scotopic.metrics import Metric, gt_mean, mae, psnr, ssim

FOUR = ("psnr", "psnr_gt_mean", "ssim", "ssim_gt_mean")


def truth(number, height=24, width=30):
    return np.random.default_rng(number).random((height, width, 3), np.float32)


def items(count=6, ratios=()):
    """Dark pictures, a quarter of their truths; two to a scene; `ratios` in turn."""
    return [
        Item(
            f"p{i}",
            f"s{i // 2}",
            f"x{ratios[i % len(ratios)]}, {10 / ratios[i % len(ratios)]:g} s" if ratios else "",
            ratios[i % len(ratios)] if ratios else None,
            lambda i=i: truth(i) / 4,
            lambda i=i: truth(i),
            f"p{i}",
        )
        for i in range(count)
    ]


def make(tmp_path, some, **more):
    return make_set("toy", tmp_path, "test", "Toys.", some, **more)


def brighten(gain=3.0, calls=None, **more):
    def enhance(item):
        if calls is not None:
            calls.append(item.name)
        return np.clip(item.low() * np.float32(gain), 0, 1)

    return Method("brighten", "baseline", {"gain": gain}, enhance, **more)


def failing(on, error):
    plain = brighten()

    def enhance(item):
        if item.name == on:
            raise error
        return plain.enhance(item)

    return Method(plain.name, plain.kind, plain.facts, enhance)


def test_a_row_is_what_the_metrics_say_of_the_finished_picture(tmp_path):
    scored = evaluate(brighten(), make(tmp_path, items()), tmp_path / "e", metrics=FOUR)
    row = scored.rows[3]
    out = np.round(np.clip(truth(3) / 4 * np.float32(3), 0, 1) * 255) / 255
    equal = gt_mean(out, truth(3))
    assert [row[name] for name in FOUR] == pytest.approx(
        [psnr(out, truth(3)), psnr(equal, truth(3)), ssim(out, truth(3)), ssim(equal, truth(3))], rel=1e-5
    )
    assert (row["name"], row["scene"], row["width"], row["height"]) == ("p3", "s1", 30, 24)
    assert row["seconds"] >= 0
    assert row["psnr_gt_mean"] > row["psnr"] + 3  # the exposure was all that was wrong


def test_the_folder_says_the_same_three_times_over(tmp_path):
    scored = evaluate(brighten(), make(tmp_path, items(ratios=(100, 250))), tmp_path / "e", metrics=FOUR)
    lines = [json.loads(line) for line in (tmp_path / "e/rows.jsonl").read_text().splitlines()]
    assert lines == list(scored.rows)
    with open(tmp_path / "e/rows.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == [f"p{i}" for i in range(6)]
    assert [float(row["psnr"]) for row in table] == [row["psnr"] for row in lines]
    summary = json.loads((tmp_path / "e/summary.json").read_text())
    assert list(summary) == ["", "x100", "x250", "0.1 s", "0.04 s"]
    assert summary["x250"] == summary["0.04 s"]
    whole = summary[""]["psnr"]
    assert whole["mean"] == pytest.approx(np.mean([row["psnr"] for row in lines]))
    assert whole["low"] < whole["mean"] < whole["high"]
    assert (whole["count"], summary["x100"]["psnr"]["count"]) == (6, 3)
    again = read_evaluation(tmp_path / "e")
    assert again == scored
    assert again.data["digest"] == make(tmp_path, items(ratios=(100, 250))).digest
    assert again.method == {"name": "brighten", "kind": "baseline", "facts": {"gain": 3.0}}


@pytest.mark.parametrize("jobs", [1, 4])
def test_rows_do_not_hang_on_how_many_work(tmp_path, jobs):
    scored = evaluate(brighten(), make(tmp_path, items(9)), tmp_path / "e", metrics=FOUR, jobs=jobs)
    assert [row["name"] for row in scored.rows] == [f"p{i}" for i in range(9)]
    assert scored.summary[""]["psnr"]["mean"] == pytest.approx(
        np.mean([psnr(np.round(np.clip(truth(i) / 4 * 3, 0, 1) * 255) / 255, truth(i)) for i in range(9)]), rel=1e-5
    )


def test_several_work_at_once_unless_the_method_forbids(tmp_path):
    meeting = threading.Barrier(2, timeout=20)

    def meet(item):
        meeting.wait()  # breaks unless two are here together
        return item.target()

    assert not evaluate(Method("m", "baseline", {}, meet), make(tmp_path, items()), tmp_path / "a", jobs=2).failed
    busy = threading.Lock()

    def alone(item):
        if not busy.acquire(blocking=False):
            raise ModelError("two at once")
        try:
            return item.low()
        finally:
            busy.release()

    one = Method("m", "baseline", {}, alone, parallel=False)
    assert not evaluate(one, make(tmp_path, items(12)), tmp_path / "b", metrics=FOUR, jobs=4).failed


def test_what_is_there_is_not_done_again(tmp_path):
    calls, told = [], []
    data = make(tmp_path, items())
    first = evaluate(brighten(calls=calls), data, tmp_path / "e", metrics=FOUR)
    rows = (tmp_path / "e/rows.jsonl").read_text().splitlines(keepends=True)
    # Cut off in the middle of the fifth row, before there was a table or a summary.
    (tmp_path / "e/rows.jsonl").write_text("".join(rows[:4]) + rows[4][:20])
    for name in ("rows.csv", "summary.json"):
        (tmp_path / "e" / name).unlink()
    assert len(read_evaluation(tmp_path / "e").rows) == 4
    calls.clear()
    second = evaluate(
        brighten(calls=calls), data, tmp_path / "e", metrics=FOUR, on_progress=lambda row, kept: told.append(kept)
    )
    assert calls == ["p4", "p5"]
    assert told == [True] * 4 + [False] * 2
    assert second.rows[:4] == first.rows[:4]
    assert second.summary[""]["psnr"] == first.summary[""]["psnr"]
    assert (tmp_path / "e/summary.json").exists()
    evaluate(brighten(calls=calls), data, tmp_path / "e", metrics=FOUR, fresh=True)
    assert len(calls) == 2 + 6


def test_a_graph_that_is_brought_along_is_part_of_what_was_scored(tmp_path):
    def lpips(source):
        return Metric("lpips", mae, "", "lower", (0, math.inf), "both", True, source, 4)

    data = make(tmp_path, items())
    for source in ("graph 1", "graph 1"):
        evaluate(brighten(), data, tmp_path / "e", metrics=("psnr",), extra=[lpips(source)])
    with pytest.raises(DataError, match=r"graph 1.*graph 2.*--fresh"):
        evaluate(brighten(), data, tmp_path / "e", metrics=("psnr",), extra=[lpips("graph 2")])


def test_a_run_that_goes_on_is_the_same_as_long_as_its_checkpoint_is(tmp_path):
    data, calls = make(tmp_path, items()), []
    for steps, sha256 in ((100, "a"), (200, "a")):
        facts = {"sha256": sha256, "steps": steps, "minutes": steps / 10}
        method = Method("run", "run", facts, brighten(calls=calls).enhance)
        evaluate(method, data, tmp_path / "e", metrics=("psnr",))
    assert len(calls) == 6
    with pytest.raises(DataError, match="sha256 a then, b now"):
        evaluate(replace(method, facts=facts | {"sha256": "b"}), data, tmp_path / "e", metrics=("psnr",))


def test_an_interrupt_keeps_what_was_scored(tmp_path):
    data = make(tmp_path, items())
    with pytest.raises(KeyboardInterrupt):
        evaluate(failing("p3", KeyboardInterrupt()), data, tmp_path / "e", metrics=FOUR)
    there = {row["name"] for row in read_evaluation(tmp_path / "e").rows}
    assert {"p0", "p1", "p2"} <= there <= {"p0", "p1", "p2", "p4", "p5"}  # those in hand were finished
    calls = []
    assert len(evaluate(brighten(calls=calls), data, tmp_path / "e", metrics=FOUR).scored) == 6
    assert set(calls) == {f"p{i}" for i in range(6)} - there


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": brighten(2.0)}, r"method: gain 3.0 then, 2.0 now"),
        ({"metrics": ("psnr",)}, "metrics: psnr, psnr_gt_mean, ssim, ssim_gt_mean then, psnr now"),
        ({"count": 5}, "data"),
    ],
)
def test_another_evaluation_is_not_mixed_in(tmp_path, change, said):
    evaluate(brighten(), make(tmp_path, items()), tmp_path / "e", metrics=FOUR)
    before = (tmp_path / "e/rows.jsonl").read_text()
    given = {"method": brighten(), "metrics": FOUR, "count": 6} | change
    again = given["method"], make(tmp_path, items(given["count"])), tmp_path / "e"
    with pytest.raises(DataError, match=f"(?s){said}.*--fresh"):
        evaluate(*again, metrics=given["metrics"])
    assert (tmp_path / "e/rows.jsonl").read_text() == before
    assert len(evaluate(*again, metrics=given["metrics"], fresh=True).rows) == given["count"]


@pytest.mark.parametrize("error", [ModelError("no light"), MemoryError(), ZeroDivisionError("bad luck")])
def test_one_bad_picture_is_a_row_and_tried_again(tmp_path, error):
    data = make(tmp_path, items())
    scored = evaluate(failing("p2", error), data, tmp_path / "e", metrics=FOUR)
    assert [row["name"] for row in scored.failed] == ["p2"]
    assert str(error) in scored.failed[0]["error"]
    assert scored.summary[""]["psnr"]["count"] == 5
    with open(tmp_path / "e/rows.csv", newline="") as file:
        assert [bool(row["error"]) for row in csv.DictReader(file)] == [False, False, True, False, False, False]
    calls = []
    assert not evaluate(brighten(calls=calls), data, tmp_path / "e", metrics=FOUR).failed
    assert calls == ["p2"]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (truth(0, 23, 30), "30 x 23 pixels, and its truth has 30 x 24"),
        (np.full((24, 30, 3), np.nan, np.float32), "no numbers"),
        (truth(0)[..., 0], "no picture"),
    ],
)
def test_what_is_no_picture_of_its_truths_size_is_an_error(tmp_path, out, said):
    scored = evaluate(Method("m", "model", {}, lambda item: out), make(tmp_path, items(2)), tmp_path / "e")
    assert len(scored.failed) == 2
    assert said in scored.failed[0]["error"]
    assert scored.summary == {"": {}}


def test_saved_pictures_score_what_their_rows_say(tmp_path):
    data = make(tmp_path, items(3))
    first = evaluate(brighten(), data, tmp_path / "e", metrics=FOUR, save_pictures=True)
    finished = Method("theirs", "pictures", {}, lambda item: read(tmp_path / f"e/pictures/{item.name}.png").pixels)
    second = evaluate(finished, data, tmp_path / "f", metrics=FOUR)
    for one, other in zip(first.rows, second.rows, strict=True):
        assert [one[name] for name in FOUR] == [other[name] for name in FOUR]
    (tmp_path / "e/pictures/p1.png").unlink()
    calls = []
    evaluate(brighten(calls=calls), data, tmp_path / "e", metrics=FOUR, save_pictures=True)
    assert calls == ["p1"]


def test_equal_pictures_keep_everything_finite(tmp_path):
    perfect = Method("perfect", "model", {}, lambda item: item.target())
    eighths = [
        Item(f"p{i}", str(i), "", None, lambda: truth(0), lambda: np.round(truth(0) * 255) / np.float32(255))
        for i in range(2)
    ]
    scored = evaluate(perfect, make(tmp_path, eighths), tmp_path / "e", metrics=FOUR)
    assert [scored.summary[""][name]["mean"] for name in FOUR] == pytest.approx([MOST_PSNR_DB] * 2 + [1, 1])


def test_one_scene_has_no_interval_and_its_file_is_json(tmp_path):
    scored = evaluate(brighten(), make(tmp_path, items(2)), tmp_path / "e", metrics=FOUR)
    assert math.isnan(scored.summary[""]["psnr"]["low"])

    def refuse(text):
        raise AssertionError(text)

    summary = json.loads((tmp_path / "e/summary.json").read_text(), parse_constant=refuse)
    assert summary[""]["psnr"]["low"] is None


def test_without_truth_there_are_the_scores_that_need_none(tmp_path):
    alone = [Item("p", "s", "", None, lambda: truth(0, 200, 200), no_target)]
    scored = evaluate(brighten(), make(tmp_path, alone, paired=False), tmp_path / "e")
    assert not scored.failed
    assert "psnr" not in scored.rows[0]
    assert {"noise", "clipping", "loe"} <= scored.summary[""].keys()
    with pytest.raises(ControlError, match="do without a truth"):
        evaluate(brighten(), make(tmp_path, alone, paired=False), tmp_path / "f", metrics=FOUR)


def test_a_score_that_cannot_be_had_is_left_out(tmp_path):
    """Of something other than a picture of the same size there is no lightness order; of so few pixels no NIQE."""
    small = [Item("p", "s", "", None, lambda: truth(0, 12, 15), lambda: truth(1))]
    twice = Method("twice", "run", {}, lambda item: np.kron(item.low(), np.ones((2, 2, 1), np.float32)))
    row = evaluate(twice, make(tmp_path, small), tmp_path / "e", metrics=("psnr", "loe", "niqe", "clipping")).rows[0]
    assert {"psnr", "clipping"} == row.keys() & {"psnr", "loe", "niqe", "clipping"}


def test_gt_mean_never_stands_alone_and_names_are_checked():
    assert list(choose_metrics(["ssim_gt_mean", "psnr"])) == ["ssim", "ssim_gt_mean", "psnr"]
    with pytest.raises(ControlError, match=r"no metric 'pnsr'\. Did you mean 'psnr'"):
        choose_metrics(["pnsr"])
    with pytest.raises(ControlError, match="No metric was chosen"):
        choose_metrics([])


def test_groups_stand_from_bright_to_dark():
    rows = [
        {"name": str(i), "scene": str(i), "group": group, "ratio": ratio, "psnr": 20.0, "seconds": 1.0}
        for i, (group, ratio) in enumerate([("x300, 0.033 s", 300), ("x100, 0.1 s", 100), ("x250, 0.04 s", 250)])
    ]
    assert list(summarise(rows, ("psnr",))) == ["", "x100", "x250", "x300", "0.1 s", "0.04 s", "0.033 s"]


def test_what_is_no_evaluation_is_said(tmp_path):
    with pytest.raises(DataError, match="no evaluation in"):
        read_evaluation(tmp_path)
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        read_evaluation(tmp_path)
