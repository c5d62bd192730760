"""The benchmark's own arithmetic and page, with made-up measurements."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import accuracy
from tests.benchmarks.figures import Goal, Measured, Task, figures, grade, judged, ratio, rounds_multiplied
from tests.benchmarks.report import Session, page
from tests.benchmarks.tasks import GOALS, JOBS, TASKS

RATE = Task("C1", "forward pass", "pictures/s", more_is_better=True)
TIME = Task("C6", "frozen training", "s")
BOTH = {"C1": RATE, "C6": TIME}


def rates(side: str, *values: float, job: str = "C1") -> list[Measured]:
    return [Measured(job, side, value, how=f"{side}'s way") for value in values]


def test_that_the_middle_of_three_repeats_counts_with_its_spread() -> None:
    figure = figures(rates("ours", 9.0, 3.0, 4.0))["cpu", "C1", "ours"]
    assert (figure.median, figure.low, figure.high, figure.count) == (4.0, 3.0, 9.0, 3)


@pytest.mark.parametrize(("task", "expected"), [(RATE, 3.0), (TIME, 1 / 3)])
def test_that_better_means_more_for_rates_and_less_for_seconds(task: Task, expected: float) -> None:
    found = figures([*rates("ours", 12.0, job=task.key), *rates("theirs", 4.0, job=task.key)])
    assert ratio(task, found["cpu", task.key, "ours"], found["cpu", task.key, "theirs"]) == pytest.approx(expected)


def test_that_a_goal_is_held_against_the_fastest_of_the_others() -> None:
    found = figures([*rates("ours", 10.0), *rates("slow", 1.0), *rates("fast", 4.0)])
    verdict = judged(Goal("C1", "ours", ("slow", "fast", "absent"), 3), BOTH, found, has_bf16=True)
    assert (verdict.state, verdict.rival) == ("not reached", "fast")
    assert verdict.ratio == pytest.approx(2.5)


@pytest.mark.parametrize(("seconds", "state"), [(2.9, "reached"), (3.0, "not reached")])
def test_that_a_goal_without_rivals_is_an_upper_limit(seconds: float, state: str) -> None:
    found = figures(rates("ours", seconds, job="C6"))
    assert judged(Goal("C6", "ours", (), 3), BOTH, found, has_bf16=True).state == state


def test_that_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = figures(rates("ours", 1.0))
    assert judged(Goal("C1", "ours", ("theirs",), 2), BOTH, found, has_bf16=True).state == "not measured"
    assert judged(Goal("C6", "ours", (), 2), BOTH, found, has_bf16=True).state == "not measured"
    assert judged(Goal("C1", "ours", (), 2, needs_bf16=True), BOTH, found, has_bf16=False).state == "does not apply"


def test_that_devices_are_kept_apart() -> None:
    found = figures([Measured("C1", "ours", 1.0), Measured("C1", "ours", 900.0, device="cuda")])
    assert found["cpu", "C1", "ours"].median == 1.0
    assert found["cuda", "C1", "ours"].median == 900.0


def test_that_ten_equal_rounds_are_ten_times_one() -> None:
    # 1,000 pictures at 4 a second and 250 at 5 a second: 300 s a round
    assert rounds_multiplied(10, 1000, 250, train_rate=4, val_rate=5) == pytest.approx(3000)


def test_that_each_job_counts_once_in_the_grade_of_forecasts() -> None:
    often = [Measured("C6", "ours", 1.0, forecast=value) for value in (0.8, 1.0, 5.0)]
    once = [Measured("C8", "ours", 1.0, forecast=2.0), Measured("C9", "ours", 1.0)]
    assert grade([*often, *once]) == (1.5, 2)
    assert grade(rates("ours", 1.0)) is None


def test_that_the_page_tells_goals_figures_versions_and_what_was_skipped() -> None:
    session = Session(
        facts={"Machine": "two cores"},
        versions={"torch": "2.15.0"},
        measured=[*rates("ours", 12.0, 10.0, 11.0), *rates("theirs", 4.0), *rates("theirs", 4.4)],
        skipped=["keras was skipped: no network."] * 2,
    )
    text = page(session, [RATE, TIME], [Goal("C1", "ours", ("theirs",), 2.5), Goal("C6", "ours", (), 3)])
    assert "- Machine: two cores\n- Versions: torch 2.15.0" in text
    assert "| C1 | ours | theirs | 2.62 x | 2.50 x | reached |" in text
    assert "| C6 | ours | - |  | below 3.00 s | not measured |" in text
    assert "### C1: forward pass" in text
    assert "| ours | 11.0 | 10.0 to 12.0 (3) |  | ours's way |" in text
    assert "| theirs | 4.20 | 4.00 to 4.40 (2) | 2.62 x | theirs's way |" in text
    assert text.count("keras was skipped") == 1
    assert "No job was forecast." in text


def test_that_every_goal_names_a_task_and_every_task_belongs_to_a_job() -> None:
    tasks = {task.key for task in TASKS}
    assert {goal.job for goal in GOALS} <= tasks
    assert {job.key for job in JOBS} <= {key.split()[0] for key in tasks}


def test_that_splits_have_as_many_test_pictures_of_each_class_and_hang_on_the_seed_alone() -> None:
    files = [Path(f"/flowers/{name}/{number}.jpg") for name in ("rose", "tulip") for number in range(100)]
    first, again, other = accuracy.split(files, 0), accuracy.split(files, 0), accuracy.split(files, 1)
    assert first == again
    assert first != other
    assert sum(file.parent.name == "rose" for file in first) == accuracy.TESTED
    assert len(first) == 2 * accuracy.TESTED


def test_that_the_page_of_accuracies_tells_means_gains_and_what_was_to_be_reached() -> None:
    seeds = [accuracy.Seed(0, 0.87, 0.88, (0.88, 0.92), 600.0), accuracy.Seed(1, 0.86, 0.87, (0.87, 0.90), 1200.0)]
    text = accuracy.page(seeds)
    assert "| 0 | 0.870 | 0.880 | 0.880 | 0.920 | +5.0 points | 10.0 |" in text
    assert "Mean 0.910, standard deviation 0.014 (mean at least 0.9: reached)" in text
    assert "Mean gain 4.5 points, smallest 4.0 (mean at least 2.5: reached)" in text
    assert "Above the one with its strength chosen: 3.5 points" in text
    assert "Slowest 20.0 minutes (at most 15: not reached)" in text
