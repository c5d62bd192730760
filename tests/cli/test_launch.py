"""The window's start on machines that cannot show one. Written without Qt's name, so that it runs where Qt cannot load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT
from vgg_studio import launch
from vgg_studio.core.errors import DisplayMissing, QtLibrariesMissing, UsageError

QT = "PySide" + "6"
linux = pytest.mark.skipif(sys.platform != "linux", reason="displays and system libraries of Linux")


def _loads_qt() -> bool:
    code = f"import {QT}.QtWidgets"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


needs_qt = pytest.mark.skipif(not _loads_qt(), reason=f"the window needs system libraries: {launch.APT_LINE}")


class FakeLibrary:
    """libxcb and libwayland-client, and a server that answers or does not."""

    def __init__(self, answers: bool) -> None:
        self.wl_display_connect: Any = lambda _display: 1 if answers else None
        self.wl_display_disconnect = lambda _connection: None
        self.xcb_connect: Any = lambda _display, _screen: 1  # a function, because its `restype` is set
        self.xcb_connection_has_error = lambda _connection: 0 if answers else 1
        self.xcb_disconnect = lambda _connection: None


def _loader(missing: str = "", answers: bool = True, silent: str = "nothing") -> launch.Loader:
    """Loads everything but plug-ins in whose name `missing` is; a server reached through a library like `silent` is gone."""

    def load(name: str) -> Any:
        if missing and missing in name:
            raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")
        return FakeLibrary(answers and silent not in name)

    return load


@linux
def test_that_no_display_is_told_apart_from_everything_else() -> None:
    assert isinstance(launch.why_no_window({}, "linux", _loader()), DisplayMissing)
    assert isinstance(launch.why_no_window({"DISPLAY": ""}, "linux", _loader()), DisplayMissing)


@needs_qt
def test_that_windows_and_mac_need_no_display_in_the_environment() -> None:
    assert launch.why_no_window({}, "win32", _loader()) is None
    assert launch.why_no_window({}, "darwin", _loader()) is None


@linux
@needs_qt
@pytest.mark.parametrize(
    "environ", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"QT_QPA_PLATFORM": "offscreen"}]
)
def test_that_a_display_that_answers_is_enough(environ: dict[str, str]) -> None:
    assert launch.why_no_window(environ, "linux", _loader()) is None


@linux
@needs_qt
@pytest.mark.parametrize(
    "environ", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"QT_QPA_PLATFORM": "wayland"}]
)
def test_that_a_display_that_does_not_answer_is_none(environ: dict[str, str]) -> None:
    assert isinstance(launch.why_no_window(environ, "linux", _loader(answers=False)), DisplayMissing)


@linux
@needs_qt
def test_that_one_of_two_displays_is_enough() -> None:
    both = {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}
    assert launch.why_no_window(both, "linux", _loader(missing="libqwayland")) is None
    assert launch.why_no_window(both, "linux", _loader(silent="libxcb")) is None
    assert launch.why_no_window(both, "linux", _loader(silent="libwayland")) is None
    assert isinstance(launch.why_no_window(both, "linux", _loader(answers=False)), DisplayMissing)


@linux
@needs_qt
def test_that_a_library_that_the_display_needs_is_named_with_what_installs_it() -> None:
    problem = launch.why_no_window({"DISPLAY": ":0"}, "linux", _loader(missing="libqxcb"))
    assert isinstance(problem, QtLibrariesMissing)
    assert "libxcb-cursor.so.0" in str(problem)
    assert launch.APT_LINE in str(problem)


@linux
@needs_qt
def test_that_an_unknown_kind_of_display_is_refused_in_words() -> None:
    problem = launch.why_no_window({"QT_QPA_PLATFORM": "paper"}, "linux", _loader())
    assert isinstance(problem, UsageError)
    assert "paper" in str(problem)


# --- the real start, in a process of its own


def _start(*words: str, path: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    usual = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [sys.executable, "-m", "vgg_studio", *words],
        env={**usual, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)]), **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@linux
@pytest.mark.parametrize("words", [(), (".",), ("--debug",)])
def test_that_a_start_without_a_display_is_one_sentence(words: tuple[str, ...]) -> None:
    done = _start(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "There is no display for the window. Without one, use the command line: vgg-studio demo"
    )
    assert ("Traceback" in done.stderr) == ("--debug" in words)


@linux
@needs_qt
@pytest.mark.parametrize(
    "environ",
    [{"DISPLAY": "unix:/nowhere:99"}, {"WAYLAND_DISPLAY": "/nowhere/wayland-9"}, {"QT_QPA_PLATFORM": "wayland"}],
)
def test_that_a_display_that_is_gone_is_one_sentence(environ: dict[str, str], tmp_path: Path) -> None:
    done = _start(path=ROOT, XDG_RUNTIME_DIR=str(tmp_path), **environ)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "vgg-studio demo" in done.stderr


@linux
def test_that_a_missing_system_library_is_one_sentence(tmp_path: Path) -> None:
    package = tmp_path / QT
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "QtWidgets.py").write_text(
        "raise ImportError('libEGL.so.1: cannot open shared object file: No such file or directory')\n",
        encoding="utf-8",
    )
    done = _start(path=tmp_path, DISPLAY=":0")
    assert done.returncode == 1
    assert done.stderr == (
        f"The window needs system libraries that are missing (libEGL.so.1). Install them: {launch.APT_LINE}\n"
    )


@linux
def test_that_the_reason_follows_the_language() -> None:
    assert "~~~" in _start("--language", "pseudo").stderr
    assert "~~~" in _start(VGG_STUDIO_LANGUAGE="pseudo").stderr


def test_that_an_unknown_language_is_wrong_usage_for_the_window_too() -> None:
    done = _start("--language", "xx")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "zh_CN" in done.stderr


@pytest.mark.parametrize("words", ["--version", "train --version", "--help", "train --help", "train missing-folder"])
def test_that_quick_answers_load_neither_torch_nor_qt(words: str) -> None:
    code = (
        "import sys; from vgg_studio.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=False, cwd=ROOT
    )
    loaded = set(done.stderr.split())
    assert "vgg_studio.cli.words" in loaded
    heavy = {"torch", "torchvision", "numpy", "PIL", QT} | (
        {"typer", "rich", "msgspec"} if "--version" in words else set()
    )
    assert not loaded & heavy
