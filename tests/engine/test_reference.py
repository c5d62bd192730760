"""Our scores are those that everybody else computes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from vgg_studio.core.metrics import class_scores

CLASSES = ["daisy", "roses", "tulips", "never named"]


@pytest.mark.parametrize("seed", range(5))
def test_that_the_scores_of_classes_are_those_of_scikit_learn(seed: int) -> None:
    draws = np.random.default_rng(seed)
    true = draws.integers(0, 4, 200)
    named = np.where(draws.random(200) < 0.7, np.minimum(true, 2), draws.integers(0, 3, 200))
    confusion = confusion_matrix(true, named, labels=range(4)).tolist()
    ours = class_scores(CLASSES, confusion)
    reliable, found, _, count = precision_recall_fscore_support(true, named, labels=range(4), zero_division=np.nan)
    assert [row.count for row in ours] == count.tolist()
    assert [row.found for row in ours] == pytest.approx(found.tolist())
    assert [row.reliable for row in ours[:3]] == pytest.approx(reliable.tolist()[:3])
    assert ours[3].reliable is None
    assert sum(row.correct for row in ours) / 200 == pytest.approx(accuracy_score(true, named))
