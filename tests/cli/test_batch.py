"""A batch goes on after failures, stays a little ahead of its workers, and stops cleanly."""

import errno
import io
import json
import threading
from dataclasses import dataclass

import pytest
from rich.console import Console

from scotopic.cli.batch import DiskFullError, run
from scotopic.cli.find import Problem
from scotopic.cli.outcome import Report
from scotopic.cli.plan import Job, Skipped
from scotopic.cli.progress import Bar, Log, Screen, Tally
from scotopic.cli.worker import share_cores
from scotopic.errors import OutputExistsError, UnreadableImageError, WriteError


@dataclass
class Made:
    width: int = 1000
    height: int = 500
    seconds: float = 0.25
    mean_before: float = 0.1
    mean_after: float = 0.4
    ratio: float | None = None
    note: str | None = None


def jobs(count):
    return [Job(f"{i}.jpg", f"{i}_scotopic.jpg") for i in range(count)]


def test_a_bad_picture_is_reported_and_the_rest_goes_on(capsys):
    def work(job):
        if job.source == "1.jpg":
            raise UnreadableImageError("'1.jpg' is truncated.")
        return Made()

    report = Report(Screen())
    run([Skipped("s.jpg", "s_scotopic.jpg"), *jobs(4), Problem("x", "no such file.")], work, report, jobs=2)
    report.summary()
    assert (report.tally.done, report.tally.skipped, report.tally.failed) == (3, 1, 2)
    assert report.tally.megapixels == pytest.approx(1.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: '1.jpg' is truncated." in err
    assert "Error: x: no such file." in err
    assert "3 pictures enhanced" in err
    assert "1 skipped" in err
    assert "2 failed" in err


def test_a_bug_in_one_picture_does_not_stop_the_others(capsys):
    def work(job):
        raise ZeroDivisionError("oops")

    report = Report(Screen())
    run(jobs(3), work, report, jobs=1)
    assert report.tally.failed == 3
    assert "ZeroDivisionError: oops. That is a bug in scotopic" in capsys.readouterr().err


def test_the_plan_is_read_only_a_little_ahead():
    ahead = []
    made = []

    def steps():
        for i, job in enumerate(jobs(50)):
            ahead.append(i - len(made))
            yield job

    def work(job):
        made.append(job)
        return Made()

    run(steps(), work, Report(Screen()), jobs=3)
    assert len(made) == 50
    assert max(ahead) <= 4


def test_an_interrupt_finishes_what_is_in_hand_and_begins_nothing():
    begun, finished = [], []
    interrupt = threading.Event()

    def steps():
        yield from jobs(2)
        interrupt.wait(5)
        raise KeyboardInterrupt

    def work(job):
        begun.append(job)
        interrupt.set()
        finished.append(job)
        return Made()

    report = Report(Screen())
    with pytest.raises(KeyboardInterrupt):
        run(steps(), work, report, jobs=1)
    assert begun == finished
    assert report.tally.done == len(finished) <= 2


@pytest.mark.parametrize("finish", [True, False])
def test_what_is_in_hand_is_dropped_on_a_second_interrupt_or_at_once(finish, monkeypatch):
    begun, drop, tidied = threading.Event(), threading.Event(), []

    def steps():
        yield jobs(1)[0]
        begun.wait(5)
        raise KeyboardInterrupt

    def work(job):
        begun.set()
        try:
            assert drop.wait(5), "a picture that takes for ever"
            raise KeyboardInterrupt
        finally:
            tidied.append(job)

    def interrupt_again(text):
        raise KeyboardInterrupt

    report = Report(Screen())
    monkeypatch.setattr(report, "note", interrupt_again)
    with pytest.raises(KeyboardInterrupt):
        run(steps(), work, report, jobs=1, finish=finish, drop=drop)
    assert tidied == jobs(1)
    assert report.tally.seen == 0


def test_a_full_disk_stops_the_run():
    def work(job):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise WriteError("'x.jpg' could not be written.") from error

    report = Report(Screen())
    with pytest.raises(DiskFullError, match="disk is full"):
        run(jobs(100), work, report, jobs=2)
    assert report.tally.failed <= 4


def test_a_result_that_appears_meanwhile_counts_as_skipped(tmp_path):
    there = tmp_path / "there.jpg"
    there.touch()

    def work(job):
        raise OutputExistsError("it is there.")

    report = Report(Screen())
    run([Job("a", str(there)), Job("b", str(tmp_path / "not_there.jpg"))], work, report, jobs=1)
    assert (report.tally.skipped, report.tally.failed) == (1, 1)


def test_json_has_a_line_for_every_picture(capsys):
    def work(job):
        if job.source == "1.jpg":
            raise UnreadableImageError("broken")
        return Made()

    run([*jobs(2), Skipped("s", "t")], work, Report(Screen(), as_json=True), jobs=1)
    lines = {line["input"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [lines[name]["status"] for name in ("0.jpg", "1.jpg", "s")] == ["done", "failed", "skipped"]
    assert lines["0.jpg"]["output"] == "0_scotopic.jpg"
    assert lines["0.jpg"]["mean_after"] == 0.4
    assert lines["1.jpg"]["error"] == "broken"


def test_time_left_follows_the_pace_of_pictures_that_were_made(monkeypatch):
    tally = Tally(done=3, failed=1, skipped=90, total=100)
    monkeypatch.setattr("time.monotonic", lambda: tally.started + 8)
    assert tally.seconds_left == pytest.approx(12)  # 4 took 8 s, 6 are left
    assert Tally(done=1).seconds_left is None


def test_a_log_says_how_far_now_and_then(monkeypatch, capsys):
    log = Log()
    tally = Tally(done=30, skipped=10, total=100, megapixels=300)
    log.update(tally)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("time.monotonic", lambda: tally.started + 60)
    log.update(tally)
    line = capsys.readouterr().err
    assert "40 of 100" in line
    assert "0.5 pictures/s, 5 MP/s" in line
    assert "2 min 0 s left" in line


def test_the_bar_shows_rate_and_time_left_and_keeps_errors(monkeypatch):
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    with Bar() as bar:
        report = Report(bar)
        report.tally.total = 3
        report.done(Job("a", "b"), Made())
        report.failed(Problem("[bold]c.jpg", "broken."))
        bar._bar.refresh()
    text = seen.getvalue()
    assert "2/3" in text
    assert "MP/s" in text
    assert "left" in text
    assert "Error: [bold]c.jpg: broken." in text


def test_cores_are_shared_among_jobs(monkeypatch):
    monkeypatch.setattr("scotopic.cli.worker.cores", lambda: 8)
    assert share_cores(None, None, True) == (1, None)
    assert share_cores(None, None, False) == (8, 1)
    assert share_cores(2, None, False) == (2, 4)
    assert share_cores(3, 5, False) == (3, 5)
