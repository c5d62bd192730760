"""How long the start takes, as a person waits for it: prints figures and judges nothing.

    .venv/bin/uv run python tests/benchmarks/start.py [how often]

Starts the window (offscreen unless QT_QPA_PLATFORM says otherwise) again and again and prints the median of its own marks in
seconds since the start of the process; then the wall time of `vgg-studio demo`. The first start, which finds cold files, is
left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = [sys.executable, "-m", "vgg_studio"]
LAST = "engine_ready"


def start_once(settings: dict[str, str]) -> dict[str, float]:
    """Seconds of each mark of one start of the window."""
    marks: dict[str, float] = {}
    with subprocess.Popen(PROGRAM, env=settings, stderr=subprocess.PIPE, text=True) as window:
        for line in window.stderr or ():
            if line.startswith('{"trace"'):
                mark = json.loads(line)
                marks[mark["trace"]] = mark["seconds"]
            if LAST in marks:
                break
        window.terminate()
    return marks


def main() -> None:
    """Print the medians."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as home:
        settings = {"QT_QPA_PLATFORM": "offscreen"} | os.environ | {"VGG_STUDIO_TRACE": "1", "VGG_STUDIO_HOME": home}
        start_once(settings)
        starts = [start_once(settings) for _ in range(times)]
        for name in starts[0]:
            print(f"{name}: {statistics.median(marks[name] for marks in starts):.2f} s (median of {times})")
        began = time.monotonic()
        subprocess.run([*PROGRAM, "demo", "--json"], env=settings, stdout=subprocess.DEVNULL, check=True)
        print(f"demo: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
