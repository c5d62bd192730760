"""Ctrl+C, SIGTERM, a closed terminal and a closed pipe, on real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Command, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """New processes hear these signals, also where pytest itself was started to ignore them (nohup, a job in the background)."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before, strict=True):
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@contextmanager
def _training(engine: str, pictures: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.stand_in", "train", str(pictures), "--epochs", "1000", *words],
        env=environment(engine),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _until_batches(process: subprocess.Popen[bytes], count: int = 1) -> None:
    """Read until so many more batches were reported; fails where the training ends before."""
    assert process.stdout is not None
    for _ in range(count):
        while b'"batch_ended"' not in (line := process.stdout.readline()):
            assert line, "the training has ended"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_that_the_first_signal_pauses_the_run(pictures: Path, number: signal.Signals) -> None:
    with _training("slow", pictures, "--json") as process:
        _until_batches(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["outcome"] == "paused"
    assert err == b"Pausing after this batch; press Ctrl+C again to end at once.\n"


def test_that_the_text_says_how_to_go_on(pictures: Path, tmp_path: Path) -> None:
    with _training("slow", pictures, "--out", str(tmp_path / "run")) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"Round 1 "):
            pass
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert f"Go on with: vgg-studio train --out {tmp_path / 'run'} --resume" in out.decode()


def test_that_the_second_signal_ends_at_once(pictures: Path) -> None:
    with _training("deaf", pictures, "--json") as process:
        _until_batches(process)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert b"again" in process.stderr.readline()
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == b""


def test_that_nohup_keeps_a_training_alive(pictures: Path) -> None:
    with _training_without_hang_up(pictures) as process:
        _until_batches(process)
        process.send_signal(signal.SIGHUP)
        _until_batches(process, 10)
        assert process.poll() is None


@contextmanager
def _training_without_hang_up(pictures: Path) -> Iterator[subprocess.Popen[bytes]]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; a new process inherits it
    try:
        with _training("slow", pictures, "--json") as process:
            yield process
    finally:
        signal.signal(signal.SIGHUP, before)


def test_that_a_closed_pipe_pauses_the_run_in_a_sentence(pictures: Path) -> None:
    with _training("slow", pictures, "--json") as process:
        _until_batches(process)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == b"The output was closed before its end, so the work was stopped.\n"


def test_that_a_closed_pipe_of_text_leaves_no_complaint_of_python(pictures: Path) -> None:
    with _training("slow", pictures) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 1
        assert process.stderr.read() == b"The output was closed before its end, so the work was stopped.\n"


@pytest.mark.parametrize("words", ["--help", "train --help", "--version"])
def test_that_a_text_may_be_read_in_part(words: str) -> None:
    module = "vgg_studio" if words == "--version" else "tests.cli.stand_in"
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words.split()],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


def test_that_ctrl_c_outside_an_order_is_a_stop_too(command: Command, pictures: Path) -> None:
    done = command("train", str(pictures), engine="interrupted")
    assert done.returncode == 130
    assert "should not" not in done.stderr
