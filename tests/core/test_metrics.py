from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from vgg_studio.core import metrics


@pytest.mark.parametrize(
    ("correct", "count", "low", "high"),
    # Checked against R's prop.test(..., correct = FALSE).
    [(183, 200, 0.8681, 0.9463), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_that_the_interval_is_wilsons(correct: int, count: int, low: float, high: float) -> None:
    assert metrics.wilson(correct, count) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_that_the_interval_holds_the_share_and_stays_between_0_and_1(pair: tuple[int, int]) -> None:
    correct, count = pair
    low, high = metrics.wilson(correct, count)
    assert 0 <= low <= correct / count + 1e-12
    assert correct / count - 1e-12 <= high <= 1


def test_that_nothing_counted_gives_no_promise() -> None:
    assert metrics.wilson(0, 0) == (0.0, 1.0)


def test_that_found_is_recall_and_reliable_is_precision() -> None:
    daisy, rose = metrics.class_scores(["daisy", "rose"], [[8, 2], [1, 0]])
    assert (daisy.count, daisy.correct, daisy.found) == (10, 8, 0.8)
    assert daisy.reliable == pytest.approx(8 / 9)
    assert (rose.found, rose.reliable) == (0.0, 0.0)


def test_that_a_class_never_named_has_no_precision() -> None:
    never = metrics.class_scores(["a", "b"], [[3, 0], [2, 0]])[1]
    assert never.reliable is None


def test_that_three_times_as_many_is_still_balanced() -> None:
    assert metrics.balanced([10, 30])
    assert not metrics.balanced([10, 31])
    assert not metrics.balanced([])
