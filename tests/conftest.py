"""Every test gets a home of its own, speaks English, reaches no network and leaves nothing running."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import watching
from vgg_studio import paths
from vgg_studio.core import language

ROOT = Path(__file__).resolve().parent.parent
_KEPT = "VGG_STUDIO_REAL_DATA"


_home = tempfile.TemporaryDirectory(prefix="vgg-studio-tests-", ignore_cleanup_errors=True)


def _clean_environment() -> None:
    """For this process and for those that tests start; at once, because other conftests look for Qt while they are read."""
    ours = [name for name in os.environ if name.startswith("VGG_STUDIO_") and name != _KEPT]
    places = [name for name in os.environ if name.startswith("XDG_") and name.endswith(("_HOME", "_DIR"))]
    for name in [*ours, *places, "LANGUAGE", "LC_ALL", "LC_MESSAGES", "PYTHONDONTWRITEBYTECODE"]:
        os.environ.pop(name, None)
    os.environ["LANG"] = "C.UTF-8"
    os.environ["HOME"] = os.environ["USERPROFILE"] = os.environ["XDG_RUNTIME_DIR"] = _home.name
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # no windows popping up on a desktop; .ci/run asks for xcb
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job
        signal.signal(signal.SIGINT, signal.default_int_handler)  # else the programs under test would inherit it


_clean_environment()


def pytest_configure(config: pytest.Config) -> None:
    """Before the first test is read."""
    config.add_cleanup(_home.cleanup)
    hypothesis.settings.register_profile("unhurried", deadline=None, derandomize=True)  # a busy machine is no failure
    hypothesis.settings.load_profile("unhurried")
    watching.remember_beginnings()


class _WindowModule(pytest.Module):
    """A module of tests that need Qt: skipped as a whole, with the remedy, where Qt's system libraries are missing."""

    def _getobj(self) -> Any:
        if reason := watching.why_no_window():
            pytest.skip(reason, allow_module_level=True)
        return super()._getobj()  # type: ignore[no-untyped-call]


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Tests whose file names Qt or the window are window tests."""
    text = module_path.read_text(encoding="utf-8")
    if "PySide6" in text or "vgg_studio.app" in text:
        module: pytest.Module = _WindowModule.from_parent(parent, path=module_path)
        return module
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `gpu` need a graphics card that torch can use."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("torch finds no graphics card")


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Asked for first, so torn down last: threads and processes that a test began must be gone."""
    before = watching.threads(), watching.children()
    yield
    if found := watching.left_over(*before):
        pytest.fail(f"left running:\n{found}", pytrace=False)


@pytest.fixture(autouse=True)
def _own_home(_nothing_left_running: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs, cache, settings and log of a test lie in its own temporary folder; the language is English."""
    monkeypatch.setenv("VGG_STUDIO_HOME", str(tmp_path / "vgg-studio-home"))
    language.use("en", paths.locales())
    yield
    language.use("en", paths.locales())


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would reach out to a network fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            pytest.fail(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _lines(_nothing_left_running: None) -> Iterator[watching.Lines]:
    """Log lines from WARNING on and Qt's warnings fail a test that did not expect them."""
    import logging

    lines = watching.Lines()
    logging.getLogger().addHandler(lines)
    qt_back = watching.watch_qt(lines)
    yield lines
    qt_back()
    logging.getLogger().removeHandler(lines)
    if found := lines.unexpected():
        pytest.fail("unexpected lines in the log:\n" + "\n".join(found), pytrace=False)


@pytest.fixture
def expect_log(_lines: watching.Lines) -> Callable[[str], None]:
    """Call it with a pattern: log lines and Qt messages in which it is found belong to the test."""
    return _lines.expect


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with `data/` and `weights/` of real pictures; skips where there is none."""
    folder = Path(os.environ.get("VGG_STUDIO_REAL_DATA") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("no real pictures: set VGG_STUDIO_REAL_DATA to a folder that holds data/ and weights/")
    return folder
