"""The installed program, tried from outside by `.ci/run` in an environment that has nothing but the wheel.

Not a test module: it is started by the wheel's own Python, away from the checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


def main() -> int:
    """Version, resources, main job, window; stops at the first thing that is not right."""
    program = Path(sys.executable).with_name("vgg-studio")
    _check("version", _run([program, "--version"]).startswith("vgg-studio "))
    _resources()
    _demo(program)
    _no_display(program)
    _window(program)
    return 0


def _check(what: str, holds: bool, detail: object = "") -> None:
    sys.stdout.write(f"{'ok' if holds else 'NOT RIGHT'}: {what} {detail}\n")
    if not holds:
        sys.exit(1)


def _run(command: list[str | Path], **options: Any) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)
    _check(" ".join(map(str, command)), ended.returncode == 0, ended.stderr[-2000:])
    return str(ended.stdout)


def _resources() -> None:
    from vgg_studio import paths
    from vgg_studio.core import language

    _check("installed, not the checkout", "site-packages" in str(paths.resource()), paths.resource())
    for parts in (("icons",), ("vgg-studio.svg",), ("locale", "zh_CN", "LC_MESSAGES", "vgg_studio.mo")):
        _check("resource", paths.resource(*parts).exists(), "/".join(parts))
    language.use("zh_CN", paths.locales())
    _check(
        "Chinese", language._("Something went wrong.") != "Something went wrong.", language._("Something went wrong.")
    )


def _demo(program: Path) -> None:
    started = time.monotonic()
    lines = _run([program, "demo", "--json"]).splitlines()
    seconds = time.monotonic() - started
    found = [json.loads(line) for line in lines]
    score = next(event for event in found if event["type"] == "evaluation" and event["split"] == "test")
    ended = next(event for event in found if event["type"] == "run_ended")
    _check("demo ends", ended["outcome"] in ("finished", "finished_early"), ended["outcome"])
    _check("demo predicts", any(event["type"] == "prediction" for event in found))
    _check("demo names the test part right", score["accuracy"] >= 0.95, f"{score['accuracy']:.3f} in {seconds:.0f} s")


def _no_display(program: Path) -> None:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    bare = {name: value for name, value in os.environ.items() if name not in hidden}
    ended = subprocess.run([program], env=bare, capture_output=True, text=True, check=False, timeout=60)
    _check("without a display: one sentence", ended.returncode == 1 and "vgg-studio demo" in ended.stderr, ended.stderr)


def _window(program: Path) -> None:
    """The window starts, its engines too; then it is ended from outside."""
    wanted = {"first_paint", "ready", "engine_ready"}
    settings = os.environ | {"QT_QPA_PLATFORM": "offscreen", "VGG_STUDIO_TRACE": "1"}
    with subprocess.Popen([program], env=settings, stderr=subprocess.PIPE, text=True) as window:
        too_late = threading.Timer(120, window.kill)
        too_late.start()
        try:
            assert window.stderr is not None
            for line in window.stderr:
                if line.startswith('{"trace"'):
                    wanted.discard(json.loads(line)["trace"])
                if not wanted:
                    break
            _check("the window shows itself and its engine is ready", not wanted, wanted or "")
        finally:
            too_late.cancel()
            window.terminate()


if __name__ == "__main__":
    sys.exit(main())
