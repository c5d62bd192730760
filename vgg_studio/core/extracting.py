"""The frozen part of a training under way: how fast it goes, how long it takes, and what is learning without it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from vgg_studio.core import events as ev

RATE_SECONDS = 30.0  # the speed shown is a mean over this long


class Mark(NamedTuple):
    """How many pictures were done at a time."""

    time: float
    pictures: int


def mark(marks: deque[Mark], time: float, pictures: int) -> None:
    """Add a mark and forget those that are older than the speed looks back."""
    marks.append(Mark(time, pictures))
    while marks[-1].time - marks[0].time > RATE_SECONDS:
        marks.popleft()


def speed(marks: deque[Mark]) -> float | None:
    """Pictures a second over the marks; None before there are two."""
    if len(marks) < 2 or marks[-1].time <= marks[0].time:
        return None
    return (marks[-1].pictures - marks[0].pictures) / (marks[-1].time - marks[0].time)


@dataclass
class Extracting:
    """Folds what the events tell of the frozen part. Rounds are learned off its features, so their time is told apart."""

    features: ev.FeaturesReady | None = None  # before the first batch of this session: what earlier runs had left
    seconds: float = 0.0
    more: bool = True  # the last round needed something that was not there, so the next may, too
    marks: deque[Mark] = field(default_factory=deque)
    _since: float = 0.0  # the phase began
    _learning_since: float | None = None  # in this round
    _in_round: float = 0.0  # seconds in this round
    _late: float = 0.0  # of those, after learning began
    _rounds: int = 0  # of this session

    def phase_started(self, event: ev.PhaseStarted) -> None:
        """A new phase has its own clock."""
        self.marks.clear()
        self._since = event.time
        if event.phase == "training":
            self._learning_since = event.time

    def ready(self, event: ev.FeaturesReady) -> None:
        """The features of a part of the pictures are there. Reports before the first batch are put together."""
        before = self.features
        if before is None:
            self.features = event
        elif not self._rounds and self._learning_since is None:
            values = {name: getattr(before, name) + getattr(event, name) for name in ("found", "computed", "seconds")}
            self.features = msgspec.structs.replace(event, **values)
        self.more = event.computed > 0 or (self._in_round > 0 and self.more)
        self.seconds += event.seconds
        self._in_round += event.seconds
        if self._learning_since is not None:
            self._late += event.seconds

    def round_ended(self, event: ev.EpochEnded) -> tuple[float, float]:
        """Seconds that the round learned and checked, and that it extracted."""
        learned, extracted = event.seconds, self._in_round
        if extracted and self._learning_since is not None:
            learned = event.time - self._learning_since - self._late
        self._in_round = self._late = 0.0
        self._learning_since, self._rounds = None, self._rounds + 1
        return learned, extracted

    def resumed(self) -> None:
        """Another session begins, which finds what this one has left."""
        self.features, self._learning_since, self._rounds = None, None, 0
        self._in_round = self._late = 0.0

    def now(self) -> float:
        """Seconds since the phase began, by its last event."""
        return self.marks[-1].time - self._since if self.marks else 0.0

    def left(self, pictures: int, said: float) -> float | None:
        """Seconds for so many pictures at the speed so far, or what is left of the forecast; None before there is a speed."""
        rate = speed(self.marks)
        if not rate:
            return None
        return max(pictures / rate, said - self.seconds - self.now())
