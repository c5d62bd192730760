"""Temperature and threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from vgg_studio.engine import calibrate


def sure_of(scale: float, count: int = 4000, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose softmax at temperature `scale` is the true chance of each class."""
    chance = np.random.default_rng(0)
    honest = chance.normal(0, 2, (count, classes))
    shares = calibrate.probabilities(honest, 1.0)
    labels = np.array([chance.choice(classes, p=row) for row in shares], np.intp)
    return honest * scale, labels


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_that_the_temperature_takes_overconfidence_back(scale: float) -> None:
    scores, labels = sure_of(scale)

    assert calibrate.temperature(scores, labels) == pytest.approx(scale, rel=0.06)


def test_that_no_other_temperature_has_a_lower_cross_entropy() -> None:
    scores, labels = sure_of(2.5)
    best = calibrate.temperature(scores, labels)

    def cost(temperature: float) -> float:
        return float(-np.log(calibrate.probabilities(scores, temperature))[np.arange(len(labels)), labels].mean())

    for other in np.geomspace(0.1, 15, 60):
        assert cost(best) <= cost(float(other)) + 1e-5


def test_that_being_right_on_all_of_few_pictures_does_not_make_infinitely_sure() -> None:
    labels = np.array([0, 1, 2, 0, 1, 2], np.intp)
    scores = np.eye(3)[labels] * 5.0

    surest = calibrate.probabilities(scores, calibrate.temperature(scores, labels)).max()

    assert surest == pytest.approx(7 / 8, abs=1e-3)


@pytest.mark.parametrize(
    ("scores", "labels"), [(np.empty((0, 3)), []), (np.full((2, 3), np.nan), [0, 1]), (np.zeros((2, 1)), [0, 0])]
)
def test_that_without_anything_to_fit_on_probabilities_stay_as_they_are(scores: np.ndarray, labels: list[int]) -> None:
    assert calibrate.temperature(scores, np.array(labels, np.intp)) == 1.0


def answers(surest: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    chances = np.array([[value, 1 - value] for value in surest])
    return chances, np.array([0 if good else 1 for good in right], np.intp)


def test_that_at_or_above_the_threshold_nineteen_of_twenty_are_right() -> None:
    surest = [0.99 - 0.01 * place for place in range(40)]
    right = [True] * 10 + [False] + [True] * 12 + [False] * 17

    # 22 of the first 23 are right (95.7 %), of the first 24 only 22 (91.7 %)
    assert calibrate.threshold(*answers(surest, right)) == pytest.approx(surest[22])


def test_that_the_least_sure_answer_is_the_threshold_where_all_are_right() -> None:
    assert calibrate.threshold(*answers([0.9, 0.7, 0.8], [True, True, True])) == pytest.approx(0.7)


def test_that_nothing_is_believed_where_nothing_can_be() -> None:
    assert calibrate.threshold(*answers([0.9, 0.8], [False, False])) == 1.0
    assert calibrate.threshold(np.empty((0, 2)), np.empty(0, np.intp)) == 0.0


@given(st.lists(st.tuples(st.sampled_from([0.55, 0.6, 0.7, 0.8, 0.9]), st.booleans()), min_size=1, max_size=60))
def test_that_the_threshold_is_the_smallest_that_keeps_its_promise(drawn: list[tuple[float, bool]]) -> None:
    surest, right = np.array([value for value, _ in drawn]), np.array([good for _, good in drawn])
    found = calibrate.threshold(*answers(surest.tolist(), right.tolist()))

    keeping = [value for value in set(surest.tolist()) if right[surest >= value].mean() >= calibrate.RIGHT_SHARE]
    assert found == (min(keeping) if keeping else 1.0)


def test_that_probabilities_add_up_and_never_overflow() -> None:
    chances = calibrate.probabilities(np.array([[1e4, -1e4, 0.0], [1.0, 2.0, 3.0]]), 0.05)

    assert chances.sum(axis=1) == pytest.approx([1, 1])
    assert np.isfinite(chances).all()
