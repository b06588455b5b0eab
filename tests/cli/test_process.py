"""The command as a process: pipes, signals, start-up. What only a real process can show."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = [sys.executable, "-m", "scotopic"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and names")


def start(*words, **more):
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **more
    )


def test_standard_input_to_standard_output(photo, model):
    photo("n.png")
    piped = subprocess.run(
        [*COMMAND, "enhance", "-", "--model", model, "--format", "jpg"],
        input=Path("n.png").read_bytes(),
        capture_output=True,
    )
    assert piped.returncode == 0, piped.stderr
    assert piped.stderr == b""
    assert piped.stdout[:3] == b"\xff\xd8\xff"


def test_a_file_to_standard_output_and_standard_input_to_a_file(photo, model):
    photo("n.png")
    with open("out.png", "wb") as out:
        subprocess.run([*COMMAND, "enhance", "n.png", "-o", "-", "--model", model], stdout=out, check=True)
    with open("n.png", "rb") as low:
        subprocess.run([*COMMAND, "enhance", "-", "-o", "x/again.png", "--model", model], stdin=low, check=True)
    with Image.open("out.png") as one, Image.open("x/again.png") as two:
        assert np.array_equal(np.asarray(one), np.asarray(two))


def test_a_bad_picture_on_standard_input_puts_nothing_out(photo, model):
    piped = subprocess.run([*COMMAND, "enhance", "-", "--model", model], input=b"no picture", capture_output=True)
    assert piped.returncode == 1
    assert piped.stdout == b""
    assert b"standard input" in piped.stderr
    assert b"\x1b" not in piped.stderr  # a pipe: no colours


@posix
def test_ctrl_c_leaves_no_half_file_and_the_same_command_goes_on(photo, model):
    big = photo("in/000.png", width=1500, height=1500)
    for i in range(1, 40):
        os.link(big, f"in/{i:03}.png")
    run = start("enhance", "in", "-o", "out", "--model", model, "--jobs", 2)
    wait_for(run, lambda: Path("out").is_dir() and len(os.listdir("out")) >= 2)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"Run the same command again" in err
    assert b"Traceback" not in err
    made = sorted(os.listdir("out"))
    assert 2 <= len(made) < 40
    assert all(name.endswith(".png") and not name.startswith(".") for name in made)
    for name in made:
        with Image.open(f"out/{name}") as image:
            assert np.asarray(image).shape == (1500, 1500, 3)
    for name in made[2:] + [f"{i:03}.png" for i in range(len(made) + 2, 40)]:
        Path("in", name).unlink()  # a few are enough for the second half
    again = start("enhance", "in", "-o", "out", "--model", model)
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0
    assert f"{2:,} skipped".encode() in err
    assert b"2 pictures enhanced" in err


@posix
def test_ctrl_c_twice_drops_what_is_in_hand(photo, model):
    os.link(photo("in/a.jpg", width=6000, height=4000), "in/b.jpg")
    run = start("enhance", "in", "-o", "out", "--model", model, "--format", "png")
    wait_for(run, lambda: Path("out").is_dir() and os.listdir("out"))
    os.killpg(run.pid, signal.SIGINT)
    assert b"Finishing" in run.stderr.readline()
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"Traceback" not in err
    for made in os.listdir("out"):  # one may have been finished in the same moment: never a half one
        assert not made.startswith(".")
        with Image.open(f"out/{made}") as image:
            image.load()


@posix
@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)])
def test_an_interrupt_drops_a_single_picture(photo, model, polite):
    photo("n.jpg", width=6000, height=4000)
    run = start("enhance", "n.jpg", "--model", model, "--format", "png")
    wait_for(run, lambda: any(name.endswith(".part") for name in os.listdir()))
    os.killpg(run.pid, polite)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, err) == (130, b"Interrupted.\n"), err
    assert os.listdir() == ["n.jpg"]


@posix
def test_a_run_that_shall_outlive_its_terminal_does(photo, model):
    photo("n.jpg", width=3000, height=2000)
    run = start("enhance", "n.jpg", "--model", model, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_for(run, lambda: any(name.endswith(".part") for name in os.listdir()))
    os.killpg(run.pid, signal.SIGHUP)
    _, err = run.communicate(timeout=30)
    assert (run.returncode, err) == (0, b"")
    assert Path("n_scotopic.jpg").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_standard_output_that_is_full_is_said(photo, model):
    photo("n.png")
    with open("n.png", "rb") as low, open("/dev/full", "wb") as full:
        run = subprocess.run([*COMMAND, "enhance", "-", "--model", model], stdin=low, stdout=full, stderr=-1)
    assert run.returncode == 1
    assert b"cannot write standard output: No space left on device" in run.stderr
    assert b"bug" not in run.stderr
    assert b"Exception" not in run.stderr


@posix
def test_a_reader_that_leaves_a_picture_ends_us_quietly(photo, model):
    photo("n.png", width=600, height=400)
    run = start("enhance", "n.png", "-o", "-", "--model", model)
    run.stdout.close()
    with run.stderr:
        err = run.stderr.read()
    assert (run.wait(30), err) == (1, b"")


@posix
def test_a_name_that_is_no_text_is_no_trouble(photo, model):
    name = b"n\xff.png"
    os.rename(photo("n.png"), name)
    run = start("enhance", ".", "--json", "--model", model)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0, err
    assert b'"done"' in out
    assert b"n\xff_scotopic.png" in os.listdir(b".")


def test_a_reader_that_leaves_ends_us_quietly(photo, model):
    for i in range(3):
        photo(f"in/{i}.png")
    run = start("enhance", "in", "--json", "--model", model)
    run.stdout.close()
    with run.stderr:
        err = run.stderr.read()
    assert run.wait(30) == 1
    assert b"Traceback" not in err


@posix
def test_a_terminal_gets_a_bar_and_a_pipe_does_not(photo, model):
    for i in range(3):
        photo(f"in/{i}.png")
    Path("in/bad.png").write_text("x")
    terminal, seen = on_terminal("stderr", "enhance", "in", "-o", "out", "--model", model)
    assert terminal.returncode == 1
    assert b"\x1b[" in seen
    assert b"3/4" in seen or b"4/4" in seen
    assert b"3 pictures enhanced" in seen
    piped = subprocess.run([*COMMAND, "enhance", "in", "-o", "again", "--model", model], capture_output=True)
    assert b"\x1b" not in piped.stdout + piped.stderr
    assert b"/4" not in piped.stderr


@posix
def test_a_picture_is_not_put_on_the_screen(photo, model):
    photo("n.png")
    run, seen = on_terminal("stdout", "enhance", "n.png", "-o", "-", "--model", model)
    assert run.returncode == 2
    assert seen == b""


def test_importing_scotopic_is_cheap_and_brings_no_torch():
    code = """
import sys
import scotopic
heavy = {"torch", "onnxruntime", "pyvips", "rawpy", "rich", "click", "numpy"} & set(sys.modules)
assert not heavy, heavy
scotopic.Enhancer, scotopic.read, scotopic.Controls, scotopic.enhance
heavy = {"torch", "onnxruntime", "pyvips", "rawpy", "rich", "click"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_enhancing_a_photo_brings_only_what_it_needs(photo, model):
    code = """
import sys
from scotopic.cli import main
main(["enhance", "n.jpg", "--model", sys.argv[1]], standalone_mode=False)
assert "onnxruntime" in sys.modules
heavy = {"torch", "onnx", "rich", "rawpy", "PIL", "importlib.metadata", "lightning_fabric"} & set(sys.modules)
assert not heavy, heavy
"""
    photo("n.jpg")
    subprocess.run([sys.executable, "-c", code, model], check=True)


def test_help_brings_nothing_heavy():
    code = """
import sys
from scotopic.cli import main
for words in (["--help"], ["enhance", "--help"], ["train", "--help"]):
    main(words, standalone_mode=False)
heavy = {"torch", "onnxruntime", "pyvips", "rich", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def on_terminal(which, *words):
    """The finished process, and what the terminal that its stdout or stderr is showed."""
    ours, its = os.openpty()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, which: its}
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    run = subprocess.Popen([*COMMAND, *map(str, words)], env=environment, **streams)
    os.close(its)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:  # how Linux says that the other side has closed
        pass
    finally:
        os.close(ours)
    run.wait(30)
    return run, seen


def wait_for(run, happened, seconds=20):
    end = time.monotonic() + seconds
    while not happened():
        assert run.poll() is None, f"it ended before: {run.communicate()}"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
