"""What a terminal shows while a training runs; a pseudo-terminal stands for one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, environment

pty = pytest.importorskip("pty", reason="pseudo-terminals of POSIX")
SHOWS_CURSOR, HIDES_CURSOR = b"\x1b[?25h", b"\x1b[?25l"


def _on_terminal(
    words: list[str], seen: Callable[[subprocess.Popen[bytes], bytes], None], **env: str
) -> tuple[int, bytes]:
    """Run the command line on a terminal of 100 columns; `seen` gets the process and all output so far, again and again."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.stand_in", *words],
        env=environment(**{"engine": "quick", "TERM": "xterm-256color", "COLUMNS": "100", **env}),
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    try:
        while data := _read(ours):
            output += data
            seen(process, output)
        return process.wait(timeout=30), output
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def _nothing(process: subprocess.Popen[bytes], output: bytes) -> None:
    pass


def test_that_a_terminal_gets_a_bar_that_is_taken_away(pictures: Path) -> None:
    code, output = _on_terminal(["train", str(pictures), "--epochs", "2"], _nothing, engine="slow")
    assert code == 0
    assert HIDES_CURSOR in output
    assert output.rindex(SHOWS_CURSOR) > output.rindex(HIDES_CURSOR)
    assert b"named right so far" in output
    assert b"[red]" in output
    assert b"\x1b[2Jevil" not in output


def test_that_no_color_is_respected(pictures: Path) -> None:
    _, output = _on_terminal(["train", str(pictures), "--epochs", "2"], _nothing, engine="slow", NO_COLOR="1")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", output)
    assert not re.search(rb"\x1b\[9[0-7]m", output)


def test_that_a_plain_terminal_gets_plain_lines(pictures: Path) -> None:
    _, output = _on_terminal(["train", str(pictures), "--epochs", "2"], _nothing, TERM="dumb")
    assert b"\x1b" not in output
    assert "Reading pictures…".encode() in output


def test_that_ending_at_once_gives_the_cursor_back(pictures: Path) -> None:
    asked: list[int] = []

    def press(process: subprocess.Popen[bytes], output: bytes) -> None:
        if len(asked) == 0 and HIDES_CURSOR in output:
            asked.append(1)
            process.send_signal(signal.SIGINT)
        elif len(asked) == 1 and b"Pausing after this batch" in output:
            asked.append(2)
            process.send_signal(signal.SIGINT)

    code, output = _on_terminal(["train", str(pictures)], press, engine="deaf")
    assert code == 130
    assert output.rindex(SHOWS_CURSOR) > output.rindex(HIDES_CURSOR)
