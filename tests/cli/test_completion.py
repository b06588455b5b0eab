"""Shell completion: the scripts, and what they get when they ask us."""

import os
import shutil
import subprocess
import sys

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for(scotopic, shell):
    run = scotopic("completion", shell)
    assert run.exit_code == 0
    assert "_SCOTOPIC_COMPLETE" in run.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_accepts_its_script(scotopic):
    subprocess.run(["bash", "-n"], input=scotopic("completion", "bash").stdout, text=True, check=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("scotopic en", {"plain,enhance"}),
        ("scotopic enhance --form", {"plain,--format"}),
        ("scotopic enhance --format ", {"plain,jpeg", "plain,tiff"}),
        ("scotopic enhance --quality ", {"plain,fast", "plain,best"}),
        ("scotopic enhance --den", {"plain,--denoise"}),
        ("scotopic enhance n", {"file,n"}),
        ("scotopic enhance --model ", {"dir,"}),
        ("scotopic completion f", {"plain,fish"}),
    ],
)
def test_words_are_completed(line, expected):
    words = line.split(" ")
    environment = {
        **os.environ,
        "_SCOTOPIC_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    run = subprocess.run(
        [sys.executable, "-m", "scotopic"], env=environment, capture_output=True, text=True, check=True
    )
    assert expected <= set(run.stdout.splitlines())
