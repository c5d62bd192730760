"""How much a picture of each class counts in the loss, so that a class of few pictures counts as much as one of many."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def balanced(labels: Iterable[int], classes: int) -> Tensor:
    """The weight of each class, (classes,) in fp32: n / (k * n_c) for n pictures in k classes, n_c of them in class c.

    (King and Zeng 2001, section 4.2; what scikit-learn calls balanced.) The mean over the pictures is 1; a class without
    any gets 0.
    """
    counts = torch.bincount(torch.tensor(list(labels), dtype=torch.int64), minlength=classes).double()
    there = counts > 0
    weights = torch.zeros(classes, dtype=torch.float64)
    weights[there] = counts.sum() / (there.sum() * counts[there])
    return weights.float()
