"""A peer's measurement: its script in its own environment, one order in, one line of JSON out."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import environments

SCRIPTS = {
    "tutorial": "tutorial.py",
    "timm": "with_timm.py",
    "keras": "with_keras.py",
    "ultralytics": "with_ultralytics.py",
    "fastai": "with_fastai.py",
}
OURS = {"forward": "forward.py", "decode": "decode.py"}  # scripts on our own modules, in our own environment
_HERE = Path(__file__).resolve().parent
_LIMIT_SECONDS = 900


@dataclass(frozen=True)
class Answer:
    """What a peer said; `wall` is its whole process, `seconds` and `counts` go by stretch of work (train, val, pictures)."""

    wall: float
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    how: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def rate(self, name: str = "pictures") -> float:
        """Pictures a second in a stretch."""
        return self.counts[name] / self.seconds[name]

    @property
    def start_up(self) -> float:
        """What the process took beside the stretches that were timed: imports, loading, a warm-up."""
        return self.wall - sum(self.seconds.values())


def ask(peer: str, work: Path, home: Path, **order: Any) -> Answer:
    """One measurement. Raises environments.PeerError with a sentence where the peer cannot be run."""
    python = environments.python_of(peer)
    script = _HERE / "ours" / OURS[peer] if peer in OURS else _HERE / "peers" / SCRIPTS[peer]
    began = time.perf_counter()
    ended = subprocess.run(
        [str(python), str(script), json.dumps(order)],
        env=_environment(work, home),
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_SECONDS,
    )
    wall = time.perf_counter() - began
    said = last_line(ended.stdout)
    if ended.returncode or not said:
        reason = (ended.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        raise environments.PeerError(f"{peer} was skipped in {order['job']}: its script failed ({reason}).")
    return Answer(wall, said["seconds"], said["counts"], said["how"], said["versions"])


def last_line(text: str) -> dict[str, Any]:
    """The JSON on the last line of what a script printed; empty where there is none."""
    line = (text.strip().splitlines() or [""])[-1]
    found: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
    return found


def threads() -> int:
    """Threads for everybody: the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _environment(work: Path, home: Path) -> dict[str, str]:
    """Ours without what would hold a peer back, with the checkout in sight for the scripts' common part."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}
    return kept | {"PYTHONPATH": str(_HERE.parents[1]), "YOLO_CONFIG_DIR": str(work), "VGG_STUDIO_HOME": str(home)}
