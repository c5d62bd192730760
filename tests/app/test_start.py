"""The program itself, as a process of its own: it shows itself, tells its stages, and ends when it is asked to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEventLoop, QTimer

from tests.app.conftest import Process
from vgg_studio import paths
from vgg_studio.app import engines
from vgg_studio.app.engines import Engines
from vgg_studio.app.main import Interrupts

# Runs the window with fake engines; it closes itself when all pages are made ("short"), and says what it has imported.
PROGRAM = """
import sys
from vgg_studio.app import engines, main

class Start(main.Start):
    def _first_paint(self):
        super()._first_paint()
        if sys.argv[2] == "short":
            self._loader.done.connect(self._window.close)

main.Engines = lambda: engines.Engines(lambda role: [sys.executable, sys.argv[1], "plain"])
main.Start = Start
code = main.run(sys.argv[3] if len(sys.argv) > 3 else None)
print(sorted(name for name in ("torch", "PIL", "typer", "rich", "vgg_studio.engine.serve", "pyqtgraph") if name in sys.modules))
sys.exit(code)
"""
FAKE = str(Path(__file__).with_name("fake_engine.py"))


def start(tmp_path: Path, length: str, *words: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "VGG_STUDIO_TRACE": "1",
        "VGG_STUDIO_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-c", PROGRAM, FAKE, length, *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stages(lines: str) -> list[str]:
    return [json.loads(line)["trace"] for line in lines.splitlines() if line.startswith('{"trace"')]


def test_that_the_window_tells_its_stages_and_never_imports_torch(tmp_path: Path) -> None:
    (tmp_path / "flowers").mkdir()
    program = start(tmp_path, "short", str(tmp_path / "flowers"))
    out, err = program.communicate(timeout=100)
    assert program.returncode == 0, err
    assert stages(err)[0] == "first_paint"
    assert set(stages(err)) >= {"first_paint", "ready"}
    assert out.strip() == "['pyqtgraph']"
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_that_ctrl_c_and_kill_end_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    program = start(tmp_path, "long")
    assert program.stderr is not None
    while "engine_ready" not in program.stderr.readline():
        assert program.poll() is None
    program.send_signal(number)
    _out, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    assert "Traceback" not in err
    assert (tmp_path / "home" / "settings" / "settings.ini").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_that_a_signal_wakes_a_window_in_which_nothing_else_happens(process: Process) -> None:
    interrupts, loop = Interrupts(), QEventLoop()
    heard: list[str] = []
    interrupts.asked.connect(lambda: heard.append("signal"))
    interrupts.asked.connect(loop.quit)
    QTimer.singleShot(20_000, lambda: heard.append("nothing"))
    kill = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    kill.start()
    loop.exec()
    kill.join()
    interrupts.remove()
    assert heard == ["signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(("memory", "started"), [(4 << 30, []), (16 << 30, ["train"])])
def test_that_a_small_machine_keeps_no_spare_training_engine(
    process: Process,
    monkeypatch: pytest.MonkeyPatch,
    expect_log: Callable[[str], None],
    memory: int,
    started: list[str],
) -> None:
    monkeypatch.setattr(engines, "memory_bytes", lambda: memory)
    asked: list[str] = []

    def command(role: str) -> list[str]:
        asked.append(role)
        return [sys.executable, "-c", "import sys; sys.stdin.read()"]

    made = Engines(command)
    made.warm("train")
    assert made.close()
    assert asked == started


def test_that_what_is_shipped_is_where_it_is_looked_for() -> None:
    assert paths.resource("vgg-studio.svg").is_file()
    assert len(list(paths.resource("icons").glob("*.svg"))) > 20
