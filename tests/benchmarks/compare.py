"""Every job side by side with others, and RESULTS.md beside this file.

    uv run --group test python tests/benchmarks/compare.py [--quick] [--jobs C1,C6] [--repeats 3] [--add] ...

The sides of a job take turns (ours, theirs, ours, theirs ...), so that a machine's good and bad minutes fall on all of them.
The whole table takes up to 60 minutes on two cores (once they are over, only what was never measured is), `--quick` about 5
with fewer pictures and one repeat: its figures tell that everything runs, not how fast it is. Where torch finds a graphics
card the jobs run on it too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.benchmarks import environments, peer
from tests.benchmarks.bench import CARD, FULL, QUICK, Bench
from tests.benchmarks.figures import Measured
from tests.benchmarks.pictures import Pictures, weights
from tests.benchmarks.report import Session, number, page
from tests.benchmarks.studio import OrderError
from tests.benchmarks.tasks import GOALS, JOBS, TASKS, Job

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
_PROBE = (
    "import json, torch; c = torch.cuda; print(json.dumps({'name': c.get_device_name() if c.is_available() else ''}))"
)


def main() -> int:
    """Measure, print each figure as it comes, write the page."""
    asked = _arguments()
    session, began = Session(), time.monotonic()
    if asked.add:
        session.measured = _earlier(asked.jobs)
    card = _card()
    _facts(session, card, asked)
    devices = ["cpu", *(["cuda"] if card else [])]
    if not card:
        session.skipped.append("The jobs on a graphics card were skipped: torch finds none here.")
    with tempfile.TemporaryDirectory(prefix="vgg-studio-bench-", ignore_cleanup_errors=True) as work:
        pictures = Pictures(Path(work))
        session.facts["Pictures"] = f"{pictures.kind}; {'weights of VGG-16' if weights() else 'random weights'}"
        for device in devices:
            sizes = QUICK if asked.quick else FULL if device == "cpu" else CARD
            bench = Bench(device, sizes, Path(work), pictures)
            session.facts[f"Sizes ({device})"] = sizes.words()
            _tune(bench, session)
            for job in JOBS:
                if _wanted(job, asked.jobs, device):
                    _measure(job, bench, session, asked, began + 60 * asked.minutes)
                    _keep(session)
            session.versions |= bench.versions
    session.facts["Time taken"] = f"{(time.monotonic() - began) / 60:.0f} minutes"
    Path(asked.out).write_text(page(session, TASKS, GOALS), encoding="utf-8")
    print(page(session, TASKS, GOALS))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer pictures, one repeat, five minutes")
    parser.add_argument("--jobs", default="", help="only these, such as C1,C6")
    parser.add_argument("--repeats", type=int, default=0, help="interleaved repeats (3; quick: 1)")
    parser.add_argument(
        "--minutes", type=float, default=60, help="after so many, nothing is measured a second time (60)"
    )
    parser.add_argument("--out", default=str(RESULTS), help="the page to write")
    parser.add_argument(
        "--add", action="store_true", help="keep what an earlier run measured of the jobs left out here"
    )
    asked = parser.parse_args()
    asked.jobs = [key for key in asked.jobs.split(",") if key]
    asked.repeats = asked.repeats or (1 if asked.quick else 3)
    return asked


def _wanted(job: Job, keys: Sequence[str], device: str) -> bool:
    return (not keys or job.key in keys) and job.only in ("", device)


def _tune(bench: Bench, session: Session) -> None:
    """Let the engine measure the machine first, as it does before a user's first training."""
    try:
        profile = bench.tune()
    except (OrderError, StopIteration) as error:
        session.skipped.append(f"The machine was not measured beforehand: {error}.")
        return
    session.facts[f"Ways measured ({bench.device})"] = f"{bench.ways()}; in {profile.measured_seconds:.0f} s"
    print(session.facts[f"Ways measured ({bench.device})"], flush=True)


def _measure(job: Job, bench: Bench, session: Session, asked: argparse.Namespace, until: float) -> None:
    repeats = 1 if job.once else asked.repeats
    sides = [side for side in job.sides if not (side.rare and asked.quick)]
    for repeat in range(1, repeats + 1):
        if repeat > 1:
            sides = [side for side in sides if not side.rare and time.monotonic() < until]
        for side in list(sides):
            began = time.monotonic()
            try:
                found = side.measure(bench, side.name)
            except (environments.PeerError, OrderError, subprocess.SubprocessError, OSError, KeyError) as error:
                session.skipped.append(_sentence(job, side.name, error))
                print(session.skipped[-1], flush=True)
                sides.remove(side)
                continue
            session.measured += found
            for one in found:
                took = f"{time.monotonic() - began:.0f} s"
                print(
                    f"{bench.device} {one.job} {one.side}: {number(one.value)} ({repeat}/{repeats}, {took})", flush=True
                )


def _sentence(job: Job, side: str, error: Exception) -> str:
    if isinstance(error, environments.PeerError):
        return str(error)
    return f"{side} was skipped in {job.key}: {type(error).__name__} {error}."


def _facts(session: Session, card: str, asked: argparse.Namespace) -> None:
    flags = _cpu("flags")
    session.has_bf16 = "avx512_bf16" in flags or "amx_bf16" in flags
    special = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags.split()]
    cores = peer.threads()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    session.facts["Machine"] = f"{_cpu('model name') or platform.processor()}, {cores} cores, {memory:.0f} GiB"
    session.facts["Processor's own"] = ", ".join(special) or "not told"
    session.facts["Graphics card"] = card or "none"
    session.facts["System"] = f"{platform.platform()}, Python {platform.python_version()}"
    session.facts["Date"] = time.strftime("%Y-%m-%d")
    session.facts["Run"] = f"{'quick, ' if asked.quick else ''}{asked.repeats} interleaved repeats"
    session.facts["Load before"] = " ".join(f"{load:.1f}" for load in os.getloadavg())
    session.versions["vgg-studio"] = importlib.metadata.version("vgg-studio")


def _cpu(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _card() -> str:
    ended = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    return str(json.loads(ended.stdout)["name"])


def _raw() -> Path:
    return environments.folder() / "measured.json"


def _keep(session: Session) -> None:
    """What was measured so far, for `--add` and for a run that is cut off."""
    _raw().parent.mkdir(parents=True, exist_ok=True)
    _raw().write_bytes(msgspec.json.encode(session.measured))


def _earlier(keys: Sequence[str]) -> list[Measured]:
    """Measurements of an earlier run, less those of the jobs that are measured again."""
    if not _raw().exists():
        return []
    rows = {"C6": ("C6", "C9", "again", "retrain")}
    again = {row for job in JOBS if job.key in keys for row in rows.get(job.key, (job.key,))}
    found = msgspec.json.decode(_raw().read_bytes(), type=list[Measured])
    return [one for one in found if keys and one.job not in again and one.job.split()[0] not in again]


if __name__ == "__main__":
    sys.exit(main())
