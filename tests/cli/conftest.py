"""How the command line's tests run it: with a stand-in for the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.stand_in import ENGINES
from vgg_studio.cli import main
from vgg_studio.cli.words import sort_out
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.run_folder import Manifest, RunFolder

ROOT = Path(__file__).resolve().parent.parent.parent
Command = Callable[..., "Done"]


def environment(engine: str = "quick", **more: str) -> dict[str, str]:
    """The test's own environment with the stand-in that is to be the engine."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**buffered, "STAND_IN": engine, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **more}


class Done(NamedTuple):
    """How a command line ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command line on a stand-in engine (a key of ENGINES); in a process of its own where `env` is given."""

    def run(*words: str, engine: str = "quick", env: dict[str, str] | None = None) -> Done:
        if env is not None:
            return _in_a_process(words, environment(engine, **env))
        code = main.run(sort_out(words), ENGINES[engine])
        return Done(code, *capfd.readouterr())

    return run


def _in_a_process(words: tuple[str, ...], env: dict[str, str]) -> Done:
    line = [sys.executable, "-m", "tests.cli.stand_in", *words]
    done = subprocess.run(line, env=env, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder that is there; the stand-in does not look into it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder, as far as the command line looks into one."""
    folder = tmp_path / "run"
    RunFolder.create(folder, Manifest(job=TrainJob(data="pictures", epochs=5, batch_size=16), created=1.0))
    return folder
