"""How far a network's probabilities can be believed: one temperature and one threshold, fitted on the validation part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

RIGHT_SHARE = 0.95  # of the validation answers at or above the threshold, this share is right
UNCALIBRATED_THRESHOLD = 0.3  # for networks without a validation part of ours: a middle value to move from
_LOWEST, _HIGHEST = 0.05, 20.0
_STEPS = 80  # of the golden section: narrows the range of log temperature to 1e-16 of itself


def temperature(scores: Numbers, labels: npt.NDArray[np.intp]) -> float:
    """The temperature T for which softmax(scores / T) has the lowest cross-entropy on (N, classes) scores and N labels.

    Guo et al., "On calibration of modern neural networks" (arXiv 1706.04599), section 4.2. As in Platt's scaling (1999) the right
    class counts as N + 1 of N + 2, so that a network which is right on all of few pictures does not become infinitely sure.
    """
    count, classes = scores.shape if scores.ndim == 2 else (0, 0)
    if count == 0 or classes < 2 or not np.isfinite(scores).all():
        return 1.0
    believed = np.full((count, classes), 1 / ((count + 2) * (classes - 1)))
    believed[np.arange(count), labels] = (count + 1) / (count + 2)

    def cost(log_temperature: float) -> float:
        return float(-(believed * log_probabilities(scores / np.exp(log_temperature))).sum() / count)

    return float(np.exp(_lowest(cost, np.log(_LOWEST), np.log(_HIGHEST))))


def log_probabilities(scores: Numbers) -> Numbers:
    """The logarithms of the softmax of scores, (N, classes)."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs: Numbers = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs


def probabilities(scores: Numbers, temperature: float) -> Numbers:
    """Probabilities of each class at a temperature, (N, classes)."""
    return np.exp(log_probabilities(np.asarray(scores, np.float64) / temperature))


def threshold(chances: Numbers, labels: npt.NDArray[np.intp]) -> float:
    """The smallest probability among the answers such that RIGHT_SHARE of the answers at or above it are right.

    1.0 where no such probability exists (then every answer is called unsure), 0.0 without answers.
    """
    if len(chances) == 0:
        return 0.0
    surest = chances.max(axis=1)
    order = np.argsort(-surest, kind="stable")
    right = (chances.argmax(axis=1) == labels)[order]
    shares = np.cumsum(right) / np.arange(1, len(right) + 1)
    values = surest[order]
    last_of_equals = np.append(values[1:] != values[:-1], True)  # answers of one probability stand or fall together
    good = np.flatnonzero((shares >= RIGHT_SHARE) & last_of_equals)
    return float(values[good[-1]]) if len(good) else 1.0


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, by golden section (the cost is convex in 1 / T, so it has one valley)."""
    inner = (5**0.5 - 1) / 2
    left, right = high - inner * (high - low), low + inner * (high - low)
    cost_left, cost_right = cost(left), cost(right)
    for _step in range(_STEPS):
        if cost_left <= cost_right:
            high, right, cost_right = right, left, cost_left
            left = high - inner * (high - low)
            cost_left = cost(left)
        else:
            low, left, cost_left = left, right, cost_right
            right = low + inner * (high - low)
            cost_right = cost(right)
    return (low + high) / 2
