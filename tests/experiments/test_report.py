"""The page of a report: what it shows is what the folders hold, and nothing in them can break out of it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ControlError, DataError, ModelError, OutputExistsError, WriteError
from scotopic.experiments.comparing.compare import compare
from scotopic.experiments.comparing.comparison_page import write_pages
from scotopic.experiments.evaluate import read_evaluation
from scotopic.experiments.reporting import plots
from scotopic.experiments.reporting.cost import measure
from scotopic.experiments.reporting.report import write_report
from scotopic.experiments.sets.items import open_set
from scotopic.experiments.sweeping.sweep_table import Line, Number, Table
from scotopic.image import Picture, write

HOSTILE = "</script></pre><img src=x onerror=alert(1)> & \"q\" '$x_{' {{ 7 * 7 }}"
VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))


class Reader(HTMLParser):
    """The elements of a page with their attributes, the text of table cells, and whether tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, number: int = 0) -> dict[str, dict[str, str]]:
        """A table's cells, by what stands first in their row and their column."""
        head, *rows = [[" ".join(cell.split()) for cell in row] for row in self.tables[number]]
        return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Six scenes as a list of pairs, each picture one grey throughout: dark, and well exposed."""
    rows = []
    for scene in range(6):
        for name, level in (("low", 0.1), ("target", 0.5)):
            grey = Picture(np.full((40, 60, 3), level + scene / 100, np.float32))
            write(grey, _folder(tmp_path / "data") / f"{scene}-{name}.png")
        rows.append({"scene": str(scene), "low": f"{scene}-low.png", "target": f"{scene}-target.png"})
    path = tmp_path / "data/greys.json"
    path.write_text(json.dumps(rows))
    return path


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def evaluation(folder: Path, method: str, scores: list[dict[str, Any]], **data: Any) -> Path:
    """An evaluation folder with a row of 1000 x 500 pixels for each of `scores`."""
    about = {
        "name": "pairs",
        "root": "gone",
        "split": "test",
        "how": "Some pairs.",
        "digest": "d",
        "protocol": "As is.",
    }
    facts = {
        "method": {"name": method, "kind": data.pop("kind", "model"), "facts": data.pop("facts", {})},
        "data": about | {"count": len(scores), "paired": True} | data,
        "metrics": list(dict.fromkeys(key for row in scores for key in row if key not in ("seconds", "error"))),
        "environment": {"python": "3.11"},
    }
    rows = [
        {"name": f"p{i}", "scene": f"s{i}", "group": "", "ratio": None}
        | ({"width": 1000, "height": 500} | row if "error" not in row else row)
        for i, row in enumerate(scores)
    ]
    (_folder(folder) / "evaluation.json").write_text(json.dumps(facts))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run(folder: Path, psnr: tuple[float, ...] = (15.0, 21.5, 20.0), extra: str = "", **data: Any) -> Path:
    """A run folder that was validated every second step."""
    table = {"name": "sice", "root": "x", "held_out_size": 0, "splits": "s.json"} | data
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    recipe = ['name = "r"', "[network]", 'name = "cnn"', "[data]", *lines, "[losses.l1]", "weight = 1.0"]
    recipe += ["[loop]", 'best_by = "psnr"', "seed = 7"]
    (_folder(folder) / "recipe.toml").write_text("\n".join(recipe) + f"\n{extra}")
    log = ["step,seconds,loss,val_loss,val_psnr_db,val_psnr_gt_mean_db"]
    for step in range(1, 2 * len(psnr) + 1):
        held_out = f"0.5,{psnr[step // 2 - 1]},{psnr[step // 2 - 1] + 1}" if step % 2 == 0 else ",,"
        log.append(f"{step},{60 * step},{1 / step:.4f},{held_out}")
    (folder / "log.csv").write_text("\n".join(log) + "\n")
    return folder


def read_page(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def test_the_table_says_what_the_rows_come_to(tmp_path: Path) -> None:
    evaluation(
        tmp_path / "e/one",
        "one",
        [
            {"psnr": 20.0, "psnr_gt_mean": 22.0, "mae": 0.1, "seconds": 1.0},
            {"psnr": 24.0, "psnr_gt_mean": 25.0, "mae": 0.3, "seconds": 3.0},
        ],
        facts={"parameters": 10561},
    )
    evaluation(
        tmp_path / "e/two",
        "two",
        [{"psnr": 30.0, "psnr_gt_mean": 31.0, "mae": 0.4, "seconds": 9.0}, {"error": "cut off"}],
        kind="pictures",
    )
    made = write_report([tmp_path / "e"], tmp_path / "r.html")
    page = read_page(made.html)
    table = page.table()
    assert table["one"]["PSNR, dB"] == "22.00 20.00 to 24.00", "mean, and its interval over two scenes"
    assert table["one"]["PSNR GT-mean, dB"].startswith("23.50 ")
    # 4 seconds for two pictures of half a megapixel
    assert (table["one"]["ms/MP while scored"], table["one"]["parameters"]) == ("4,000.0", "10,561")
    assert (table["two"]["pictures"], table["two"]["PSNR, dB"]) == ("1 1 failed", "30.00"), "one scene has no interval"
    assert table["two"]["ms/MP while scored"] == table["two"]["parameters"] == "", "not known, so not said"
    assert "peak memory, MB" not in table["one"]
    assert "cut off" in page.words
    assert "their means are not of the same pictures" in page.words
    text = made.markdown.read_text(encoding="utf-8")
    assert "| one | 2 | 22.00 (20.00 to 24.00) | 23.50 (22.00 to 25.00) | **0.2000** (0.1000 to 0.3000) |" in text
    assert "**30.00**" in text, "of PSNR the higher is best, of the error the lower"


def test_a_score_that_is_brought_along_has_a_best_too(tmp_path: Path) -> None:
    for name, value in (("one", 0.25), ("two", 0.5)):
        evaluation(tmp_path / "e" / name, name, [{"lpips": value}])
    text = write_report([tmp_path / "e"], tmp_path / "r.html").markdown.read_text(encoding="utf-8")
    assert "**0.2500**" in text
    assert "**0.5000**" not in text


def test_nothing_from_a_file_becomes_markup(tmp_path: Path) -> None:
    one = evaluation(
        tmp_path / "e/one",
        HOSTILE,
        [{"psnr": 20.0 + i, "psnr_gt_mean": 22.0} for i in range(3)] + [{"error": HOSTILE}],
        how=HOSTILE,
        facts={"parameters": 5, "recipe": HOSTILE},
    )
    other = evaluation(tmp_path / "e/two", "two", [{"psnr": 21.0}] * 3, how=HOSTILE, facts={"parameters": 50})
    for name in ("p0", "p1"):
        write(Picture(np.zeros((8, 8, 3), np.float32)), _folder(one / "pictures") / f"{name}.png")
    learnt = run(tmp_path / "runs/<b>", extra=f"# {HOSTILE} ````")
    made = write_report([one, other, learnt], tmp_path / "r.html", title=HOSTILE)
    page = read_page(made.html)
    assert Counter(tag for tag, _ in page.elements)["script"] == 1
    assert not [tag for tag, attrs in page.elements if tag == "b" or any(key.startswith("on") for key in attrs)]
    assert page.words.count(HOSTILE) >= 6, "title, method, sentence, error, recipe and plots say it as it is"
    text = made.markdown.read_text(encoding="utf-8")
    assert "<img" not in re.sub(r"(`{3,})text\n.*?\n\1\n", "", text, flags=re.DOTALL)
    assert "`````text" in text, "a fence that the recipe's own backticks do not close"


def test_the_page_needs_no_other_file_and_says_everything_in_words(tmp_path: Path, pairs: Path) -> None:
    found = open_set(pairs, "all")
    facts = {"name": found.name, "root": str(found.root), "split": "all", "digest": found.digest}
    scores = [{"psnr": 20.0 + i, "psnr_gt_mean": 22.0 + i, "ssim": 0.5} for i in range(len(found.items))]
    for name in ("one", "two"):
        folder = evaluation(tmp_path / "e" / name, name, scores, **facts, facts={"parameters": len(name)})
        rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
        for row, item in zip(rows, found.items, strict=True):
            row |= {"name": item.name, "scene": item.scene}
            write(Picture(np.full((40, 60, 3), 0.4, np.float32)), _folder(folder / "pictures") / f"{item.name}.png")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path / "runs/r")
    page = read_page(write_report([tmp_path / "e", tmp_path / "runs"], tmp_path / "r.html", pictures=3).html)
    wanted = [attrs[key] for _, attrs in page.elements for key in ("src", "href", "xlink:href") if key in attrs]
    assert wanted
    assert all(place.startswith(("data:image/", "#")) for place in wanted)
    assert any(
        attrs.get("content", "").startswith("default-src 'none'") for tag, attrs in page.elements if tag == "meta"
    )
    pictures = [attrs for tag, attrs in page.elements if tag == "img"]
    assert len(pictures) == 3 * 4, "input, two outcomes and the target of three scenes"
    assert [attrs["alt"].partition(": ")[2].partition(",")[0] for attrs in pictures[:4]] == [
        "input",
        "one",
        "two",
        "target",
    ]
    plotted = [attrs for _, attrs in page.elements if attrs.get("role") == "img"]
    assert plotted
    assert all(attrs["aria-label"] for attrs in plotted)
    ids = Counter(attrs["id"] for _, attrs in page.elements if "id" in attrs)
    assert max(ids.values()) == 1
    assert all(place[1:] in ids for place in wanted if place.startswith("#"))


def test_pictures_that_are_others_now_are_not_shown_beside_the_outcomes(tmp_path: Path, pairs: Path) -> None:
    folder = evaluation(tmp_path / "e", "one", [{"psnr": 20.0}], name="greys", root=str(pairs.parent), digest="other")
    write(Picture(np.zeros((8, 8, 3), np.float32)), _folder(folder / "pictures") / "p0.png")
    page = read_page(write_report([folder], tmp_path / "r.html").html)
    assert [attrs["alt"] for tag, attrs in page.elements if tag == "img"] == ["p0: one, 20.00 dB"]
    assert "does not hold the pictures as they were scored" in page.words


def test_a_method_has_one_colour_throughout(tmp_path: Path) -> None:
    for name in ("other", "unet"):
        evaluation(tmp_path / "e" / name, name, [{"psnr": 20.0}, {"psnr": 21.0}], facts={"parameters": 9})
    run(tmp_path / "runs/unet")
    text = write_report([tmp_path / "e", tmp_path / "runs"], tmp_path / "r.html").html.read_text()
    swatches = re.findall(r'stroke="(#\w{6})"[^>]*>.*?</svg>\s*(\w+)', text)
    assert {colour for colour, name in swatches if name == "unet"} == {plots.COLOURS[1]}
    learnt = text[text.index("Training loss") :]
    assert plots.COLOURS[1] in learnt
    assert plots.COLOURS[0] not in learnt


def test_colours_stand_out_on_white_and_on_the_dark_page() -> None:
    """By 3 : 1 at least: WCAG 2.2, 1.4.11, with the relative luminance that it defines."""

    def luminance(colour: str) -> float:
        levels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
        return float(light @ (0.2126, 0.7152, 0.0722))

    css = (Path(plots.__file__).parent / "report.css").read_text()
    white, dark, _ = re.findall(r"--paper: (#\w{6})", css)
    for colour in plots.COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) >= 3, f"{colour} on {white}"
        assert (luminance(colour) + 0.05) / (luminance(dark) + 0.05) >= 3, f"{colour} on {dark}"
    assert len(set(plots.styles([str(i) for i in range(50)]).values())) == 50


def test_plots_are_well_formed_and_hold_what_they_are_given() -> None:
    looks = plots.styles(["a", "b $<&"])
    steps = np.arange(4.0)
    svg = plots.curves([("a", steps, 10.0**-steps), ("b $<&", steps, steps + 1)], looks, "loss", falling=True)
    points = [plots.Point("a", 1e3, 20.0, 19.0, 21.0, 22.0), plots.Point("b $<&", 1e6, 21.0, np.nan, np.nan)]
    rate = plots.rate_quality(points, looks, "parameters", "PSNR, dB")
    spread = plots.histograms({"a": np.array([1.0, 1.0]), "b $<&": np.array([2.0, 3.0])}, looks, "dB")
    for text, said in ((svg, {"step", "loss"}), (rate, {"a", "b $<&", "1M", "PSNR, dB"}), (spread, {"a", "b $<&"})):
        root = ElementTree.fromstring(text)
        assert said <= {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert "currentColor" in text
        assert not any(stand_in in text for stand_in in (plots.INK, plots.GRID))
        assert all(look.colour in text for look in looks.values())


def test_runs_stand_together_where_their_held_out_pictures_are_the_same(tmp_path: Path) -> None:
    run(tmp_path / "runs/plain", flips=False)
    run(tmp_path / "runs/turned", (10.0, 12.0), flips=True)
    run(tmp_path / "runs/small", resize=0.5)
    page = read_page(write_report([tmp_path / "runs"], tmp_path / "r.html").html)
    tables = [page.table(number) for number in range(len(page.tables))]
    assert [sorted(table) for table in tables] == [["plain", "turned"], ["small"]]
    best = tables[0]["plain"]
    assert (best["PSNR, dB"], best["PSNR GT-mean, dB"], best["best step"]) == ("21.50", "22.50", "4")
    assert (best["steps"], best["minutes"], best["seed"], best["SSIM"]) == ("6 not finished", "6.0", "7", "")


def test_what_is_broken_is_listed_and_the_rest_is_shown(tmp_path: Path) -> None:
    run(tmp_path / "runs/good")
    (_folder(tmp_path / "runs/bad") / "log.csv").write_text("step,loss\n")
    (_folder(tmp_path / "runs/worse") / "evaluation.json").write_text("{")
    for name in ("comparison.json", "table.json"):  # of somebody else's
        (_folder(tmp_path / f"runs/{name[0]}") / name).write_text('{"name": "n"}')
    made = write_report([tmp_path / "runs", tmp_path / "gone"], tmp_path / "r.html")
    assert len(made.problems) == 5
    page = read_page(made.html)
    assert all(name in page.words for name in ("Left out", "bad", "worse", "gone"))
    with pytest.raises(DataError, match="holds nothing to report"):
        write_report([tmp_path / "gone"], tmp_path / "s.html")
    assert not (tmp_path / "s.html").exists()


def test_runs_of_one_name_are_told_apart_and_a_folder_given_twice_counts_once(tmp_path: Path) -> None:
    places = [run(tmp_path / "a/r"), run(tmp_path / "b/r"), tmp_path / "a"]
    page = read_page(write_report(places, tmp_path / "r.html").html)
    assert sorted(page.table()) == ["r (a/r)", "r (b/r)"]


def test_only_an_earlier_report_is_replaced(tmp_path: Path) -> None:
    place = run(tmp_path / "r")
    target = tmp_path / "new/report.html"
    write_report([place], target)
    write_report([place], target, title="Again")
    assert "<h1>Again</h1>" in target.read_text()
    target.with_suffix(".md").write_text("# My own notes\n")
    with pytest.raises(OutputExistsError, match=r"report\.md"):
        write_report([place], target)
    with pytest.raises(WriteError, match=r"should end with \.html"):
        write_report([place], tmp_path / "report.pdf")
    assert target.with_suffix(".md").read_text() == "# My own notes\n"


def test_a_sweep_shows_means_and_deviations_and_its_rows_in_one_colour_each(tmp_path: Path) -> None:
    lines = [
        Line({"network": label}, label, {"": {"psnr": Number(mean, 0.25, {0: mean, 1: mean})}}, missing)
        for label, mean, missing in (("CNN", 20.0, {}), ("U-Net", 21.0, {1: "it diverged"}))
    ]
    table = Table("networks", ["network"], ["psnr", "mae"], [0, 1], lines, ["Two seeds."])
    (_folder(tmp_path / "s") / "table.json").write_text(json.dumps(asdict(table)))
    for name in ("cnn-seed0", "cnn-seed1", "u-net-seed0"):
        run(tmp_path / "s/trials" / name)
    made = write_report([tmp_path / "s"], tmp_path / "r.html")
    page = read_page(made.html)
    assert page.table()["CNN"] == {"PSNR, dB": "20.00 ± 0.25", "MAE": "", "seeds": "2 of 2"}
    assert page.table()["U-Net"]["seeds"] == "1 of 2"
    assert "U-Net, seed 1, has no result: it diverged" in page.words
    text = made.html.read_text()
    colours = [colour for colour in plots.COLOURS if colour in text]
    assert colours == list(plots.COLOURS[:2])
    assert made.contents == "1 sweep"


def test_a_comparison_shows_its_differences(tmp_path: Path) -> None:
    folders = [
        evaluation(tmp_path / "e" / name, name, [{"psnr": psnr + i} for i in range(3)])
        for name, psnr in (("one", 20.0), ("two", 18.5))
    ]
    write_pages(_folder(tmp_path / "c"), compare([read_evaluation(folder) for folder in folders]), [], {})
    page = read_page(write_report([tmp_path / "c"], tmp_path / "r.html").html)
    assert page.table()["one against two"]["PSNR, dB"].startswith("+1.50 +1.50 to +1.50, p ")
    assert page.table()["one against two"]["PSNR, dB"].endswith(", 3 : 0")


def test_what_a_method_costs_is_measured_on_its_own(tmp_path: Path) -> None:
    cost = measure("input")
    assert cost.ms_per_mp > 0
    assert cost.peak_mb is None or 20 < cost.peak_mb < 20_000, "a Python with numpy and a picture, in MB"
    with pytest.raises(ModelError, match="'no such method' could not be measured"):
        measure("no such method")
    place = evaluation(tmp_path / "e", "one", [{"psnr": 20.0}, {"psnr": 21.0}])
    with pytest.raises(ControlError, match="no evaluation of 'two'"):
        write_report([place], tmp_path / "r.html", measured={"two": "input"})
