"""RESULTS.md: the measurements as a page that tells the machine, the versions, what was multiplied and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.figures import Figure, Goal, Key, Measured, Task, Verdict, figures, grade, judged, ratio

_DEVICES = {"cpu": "processor", "cuda": "graphics card"}
_FORECAST_LOW, _FORECAST_HIGH = 0.75, 1.33


@dataclass
class Session:
    """Everything that a page is made of. `facts` are lines on the machine and the run, `skipped` sentences."""

    facts: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    measured: list[Measured] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    has_bf16: bool = False


def page(session: Session, tasks: Sequence[Task], goals: Sequence[Goal]) -> str:
    """The whole page as Markdown."""
    found = figures(session.measured)
    by_key = {task.key: task for task in tasks}
    verdicts = [judged(goal, by_key, found, session.has_bf16) for goal in goals]
    parts = [
        "# Measured against others",
        "Written by `compare.py`; do not edit. Medians of interleaved repeats, smallest and largest in brackets.",
        *_facts(session),
        "## Goals",
        *_goals(verdicts, by_key, found),
        "## Every job and side",
        *_table(tasks, found),
        "## Forecast",
        _forecast(session.measured),
        *_skipped(session.skipped),
    ]
    return "\n\n".join(parts) + "\n"


def number(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _facts(session: Session) -> list[str]:
    lines = [f"- {name}: {text}" for name, text in session.facts.items()]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(session.versions.items()))
    return ["\n".join([*lines, f"- Versions: {versions}"])]


def _goals(verdicts: Sequence[Verdict], tasks: Mapping[str, Task], found: Mapping[Key, Figure]) -> list[str]:
    rows = [["Job", "Ours", "Against", "Measured", "At least", ""]]
    for verdict in verdicts:
        goal = verdict.goal
        if not any(key[0] == goal.device for key in found) or goal.job not in tasks:
            continue
        unit = " x" if goal.against else f" {tasks[goal.job].unit}"
        wanted = f"{number(goal.least)}{unit}" if goal.against else f"below {number(goal.least)}{unit}"
        got = "" if verdict.ratio is None else f"{number(verdict.ratio)}{unit}"
        against = verdict.rival or ", ".join(goal.against) or "-"
        rows.append([f"{goal.job}{_on(goal.device)}", goal.ours, against, got, wanted, verdict.state])
    return ["\n".join(markdown(rows))]


def _table(tasks: Sequence[Task], found: Mapping[Key, Figure]) -> list[str]:
    """A table for each job and device: sides with their medians, and how many times as good the first is."""
    parts = []
    for device in _DEVICES:
        for task in tasks:
            sides = {key[2]: figure for key, figure in found.items() if key[:2] == (device, task.key)}
            if sides:
                parts += _job(task, device, sides)
    return parts


def _job(task: Task, device: str, sides: Mapping[str, Figure]) -> list[str]:
    first = next(iter(sides))
    rows = [["Side", task.unit, "Smallest to largest", f"{first} is better by", "How"]]
    for side, figure in sides.items():
        told = task.rivals and side != first
        better = f"{number(ratio(task, sides[first], figure))} x" if told else ""
        spread = f"{number(figure.low)} to {number(figure.high)} ({figure.count})"
        rows.append([side, number(figure.median), spread, better, figure.how])
    return [f"### {task.key}{_on(device)}: {task.title}", "\n".join(markdown(rows))]


def _on(device: str) -> str:
    return "" if device == "cpu" else f" on the {_DEVICES[device]}"


def _forecast(measured: Sequence[Measured]) -> str:
    graded = grade(measured)
    if graded is None:
        return "No job was forecast."
    middle, count = graded
    fits = "within" if _FORECAST_LOW <= middle <= _FORECAST_HIGH else "outside"
    return (
        f"Forecast over actual, median of {count} {'job' if count == 1 else 'jobs'}: {middle:.2f} "
        f"({fits} {_FORECAST_LOW} to {_FORECAST_HIGH})."
    )


def _skipped(skipped: Sequence[str]) -> list[str]:
    return ["## Skipped", "\n".join(f"- {sentence}" for sentence in dict.fromkeys(skipped))] if skipped else []


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows, the first of them the head, as lines of a table."""
    lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]
