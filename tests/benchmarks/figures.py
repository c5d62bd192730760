"""The arithmetic of the benchmark: medians over repeats, ratios, goals. Knows nothing of processes or files."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Key = tuple[str, str, str]  # device, job, side


@dataclass(frozen=True)
class Measured:
    """One measurement of one side of a job; `how` tells what was really run, `forecast` is forecast over actual."""

    job: str
    side: str
    value: float
    how: str = ""
    device: str = "cpu"
    forecast: float | None = None


@dataclass(frozen=True)
class Task:
    """What a row of the table measures. `more_is_better` for rates, not for seconds; without `rivals` nothing is compared."""

    key: str
    title: str
    unit: str
    more_is_better: bool = False
    rivals: bool = True


@dataclass(frozen=True)
class Figure:
    """The median of the repeats, with the smallest and the largest."""

    median: float
    low: float
    high: float
    count: int
    how: str


@dataclass(frozen=True)
class Goal:
    """What must be reached: `ours` so many times as good as the best of `against`, or (no `against`) below `least`."""

    job: str
    ours: str
    against: tuple[str, ...]
    least: float
    device: str = "cpu"
    needs_bf16: bool = False


@dataclass(frozen=True)
class Verdict:
    """How a goal stands. `ratio` None: not measured, or the goal does not apply; `rival` is the best of the others."""

    goal: Goal
    state: Literal["reached", "not reached", "not measured", "does not apply"]
    ratio: float | None = None
    rival: str = ""


def figures(measured: Iterable[Measured]) -> dict[Key, Figure]:
    """One figure for each device, job and side."""
    groups: dict[Key, list[Measured]] = {}
    for one in measured:
        groups.setdefault((one.device, one.job, one.side), []).append(one)
    return {key: _figure(group) for key, group in groups.items()}


def _figure(group: Sequence[Measured]) -> Figure:
    values = [one.value for one in group]
    return Figure(statistics.median(values), min(values), max(values), len(values), group[-1].how)


def ratio(task: Task, ours: Figure, theirs: Figure) -> float:
    """How many times as good ours is as theirs, by the medians."""
    if task.more_is_better:
        return ours.median / theirs.median
    return theirs.median / ours.median


def judged(goal: Goal, tasks: dict[str, Task], found: dict[Key, Figure], has_bf16: bool) -> Verdict:
    """Whether a goal is reached."""
    if goal.needs_bf16 and not has_bf16:
        return Verdict(goal, "does not apply")
    ours = found.get((goal.device, goal.job, goal.ours))
    if ours is None:
        return Verdict(goal, "not measured")
    if not goal.against:
        return Verdict(goal, "reached" if ours.median < goal.least else "not reached", ours.median)
    rivals = [side for side in goal.against if (goal.device, goal.job, side) in found]
    if not rivals:
        return Verdict(goal, "not measured")
    ratios = {side: ratio(tasks[goal.job], ours, found[goal.device, goal.job, side]) for side in rivals}
    hardest = min(ratios, key=lambda side: ratios[side])
    return Verdict(goal, "reached" if ratios[hardest] >= goal.least else "not reached", ratios[hardest], hardest)


def grade(measured: Iterable[Measured]) -> tuple[float, int] | None:
    """Median of forecast over actual, and of how many jobs (the median of each job's repeats counts once)."""
    by_job: dict[tuple[str, str], list[float]] = {}
    for one in measured:
        if one.forecast is not None:
            by_job.setdefault((one.job, one.side), []).append(one.forecast)
    grades = [statistics.median(group) for group in by_job.values()]
    return (statistics.median(grades), len(grades)) if grades else None


def rounds_multiplied(epochs: int, train: int, val: int, train_rate: float, val_rate: float) -> float:
    """Seconds of so many equal rounds, each learning from `train` pictures and checking `val` at the measured rates."""
    return epochs * (train / train_rate + val / val_rate)
