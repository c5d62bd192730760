"""Our side as users get it: an engine process that takes orders on its stdin and tells events on its stdout."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from vgg_studio.core.events import (
    EngineReady,
    EpochEnded,
    Event,
    FeaturesReady,
    JobEnded,
    PhaseStarted,
    RunEnded,
    RunStarted,
    from_line,
)
from vgg_studio.core.jobs import AnyJob, Request, to_line

_PROGRAM = [sys.executable, "-m", "vgg_studio"]
_ENDS = (RunEnded, JobEnded)
_SAMPLE_SECONDS = 0.02


class OrderError(Exception):
    """An order did not end well."""


@dataclass
class Told:
    """What an order told: its events with the second (since it was given) each came in, and the memory it took."""

    seconds: float = 0.0
    events: list[tuple[float, Event]] = field(default_factory=list)
    peak_anon: int = 0  # bytes of RssAnon
    anon_by_round: list[int] = field(default_factory=list)

    def of(self, kind: type) -> list[Event]:
        """The events of one kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    @property
    def computed(self) -> int:
        """Views of pictures that went through the frozen part."""
        return sum(event.computed for event in self.of(FeaturesReady) if isinstance(event, FeaturesReady))

    def in_phases(self, *names: str) -> float:
        """Seconds in the named phases: from the start of each to the start of the next, or until the features were there."""
        marks = [
            (at, event.phase if isinstance(event, PhaseStarted) else "")
            for at, event in self.events
            if isinstance(event, PhaseStarted | FeaturesReady | RunStarted)
        ]
        ends = [at for at, _ in marks[1:]] + [self.seconds]
        return sum(end - at for (at, name), end in zip(marks, ends, strict=True) if name in names)

    def round_seconds(self, number: int) -> float:
        """From the end of the round before (1: from the start of learning) to the end of the round, with its check."""
        ends = [at for at, event in self.events if isinstance(event, EpochEnded)]
        starts = [at for at, event in self.events if isinstance(event, PhaseStarted) and event.phase == "training"]
        return ends[number - 1] - (ends[number - 2] if number > 1 else starts[0])

    def forecast_grade(self) -> float | None:
        """Forecast over actual, by the middle of the range; None where nothing was forecast."""
        said = next((event.forecast for event in self.of(RunStarted) if isinstance(event, RunStarted)), None)
        return (said.seconds_low + said.seconds_high) / 2 / self.seconds if said else None

    @property
    def run(self) -> str:
        """The folder of the run."""
        return next(event.run for event in self.of(RunStarted) if isinstance(event, RunStarted))


class Engine:
    """One engine process; `with` ends it. `ready_seconds` is from its start until it takes orders."""

    def __init__(self, role: str, home: Path) -> None:
        began = time.perf_counter()
        self.began = began
        self._process = subprocess.Popen(
            [*_PROGRAM, "engine", "--role", role],
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self.ready: EngineReady | None = None
        for event in self._events():
            if isinstance(event, EngineReady):
                self.ready = event
                break
        self.ready_seconds = time.perf_counter() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def order(self, job: AnyJob) -> Told:
        """Have an order done. Raises OrderError with the engine's reason."""
        assert self._process.stdin is not None
        self._number += 1
        told, began = Told(), time.perf_counter()
        done = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(told, done), daemon=True)
        sampler.start()
        try:
            self._process.stdin.write(to_line(Request(id=f"order-{self._number}", job=job)))
            self._process.stdin.flush()
            for event in self._events():
                told.events.append((time.perf_counter() - began, event))
                if isinstance(event, EpochEnded):
                    told.anon_by_round.append(self.anon())
                if isinstance(event, _ENDS):
                    break
        finally:
            done.set()
            sampler.join()
        told.seconds = time.perf_counter() - began
        return _ended_well(told)

    def anon(self) -> int:
        """Bytes of the process's anonymous memory now (Linux; elsewhere 0)."""
        return rss_anon(self._process.pid)

    def _sample(self, told: Told, done: threading.Event) -> None:
        while not done.wait(_SAMPLE_SECONDS):
            told.peak_anon = max(told.peak_anon, self.anon())

    def _events(self) -> Iterator[Event]:
        for line in self._process.stdout or ():
            yield from_line(line)


def environment(home: Path) -> dict[str, str]:
    """Variables for our processes: a home of their own, bytecode allowed, English."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"VGG_STUDIO_HOME": str(home), "VGG_STUDIO_LANGUAGE": "en", "QT_QPA_PLATFORM": "offscreen"}


def command(words: list[str], home: Path) -> float:
    """Seconds of a whole command, from its start to its end. Raises OrderError."""
    began = time.perf_counter()
    ended = subprocess.run([*_PROGRAM, *words], env=environment(home), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise OrderError(f"vgg-studio {' '.join(words[:1])}: {ended.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def rss_anon(process: int) -> int:
    """Bytes of anonymous memory that a process has in memory (Linux; 0 elsewhere and once it has ended)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0


def _ended_well(told: Told) -> Told:
    last = told.events[-1][1] if told.events else None
    if not isinstance(last, _ENDS):
        raise OrderError("the engine ended without a word")
    if last.failure is not None or last.outcome == "failed":
        raise OrderError(str(last.failure))
    return told
