"""The last layer alone, learned from all pictures at once: L-BFGS finds in seconds what steps approach in many rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vgg_studio.engine.several import here

STEPS = 25  # of L-BFGS in one round; each looks at all pictures once or twice
MOST_HELD = 512 << 20  # bytes of features that are held in memory; beyond, each look reads them anew
_HISTORY = 10

Chunks = Callable[[], Iterator[tuple[Tensor, Tensor]]]  # features (N, width) and classes (N) of some pictures at a time


def improve(
    head: nn.Module, chunks: Chunks, weight_decay: float, device: torch.device, weights: Tensor | None = None
) -> tuple[float, int, int]:
    """Take up to STEPS steps of L-BFGS (Nocedal and Wright, algorithm 7.5, strong Wolfe line search) from where `head` stands.

    `head` ends in one linear layer; only that learns. The loss is the mean cross-entropy plus weight_decay / 2 times the
    squared weights, both in units in which features have a mean square of 1; with `weights` (classes,) it is the mean that
    torch's CrossEntropyLoss takes with them. Each call starts with an empty history, so it
    depends on the weights alone and a training can go on from any checkpoint. Returns the summed cross-entropy, how many
    answers were right and how many pictures there were, unweighted, with the layer as it then is. Where several processes train
    together each brings its share of the pictures, and gets its share of those sums.
    """
    linear = next(module for module in reversed(list(head.modules())) if isinstance(module, nn.Linear))
    held = _held(chunks, device)
    if weights is not None:
        weights = weights.to(device)
    count, scale = _measured(held, weights)
    weight, bias = _start(linear, held, count, scale, weight_decay, weights)
    search = torch.optim.LBFGS([weight, bias], max_iter=STEPS, history_size=_HISTORY, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        weight.grad, bias.grad = torch.zeros_like(weight), torch.zeros_like(bias)  # also where there are no pictures
        total = weight_decay / 2 / here().place.world * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        value = total.detach()
        for features, labels in held():
            part = _entropy(F.linear(features, weight / scale, bias), labels, weights) / count
            part.backward()  # type: ignore[no-untyped-call]
            value = value + part.detach()
        here().add_up([weight.grad, bias.grad])
        return here().total(value)

    search.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        linear.weight.copy_(weight / scale)
        linear.bias.copy_(bias)
    return _score(linear, held)


@torch.no_grad()
def _start(
    linear: nn.Linear, held: Chunks, count: float, scale: float, weight_decay: float, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The weights in the units of the search, and the biases; zeros where they know less than nothing, as fresh ones do.

    (The loss has one valley, and from far up its side it is a long way down.)
    """
    weight, bias = linear.weight * scale, linear.bias.clone()
    own = sum(float(_entropy(linear(features), labels, weights)) for features, labels in held())
    entropy = float(here().exchange([own]).sum()) / (count or 1)
    if not entropy + weight_decay / 2 * float(weight.square().sum()) <= math.log(linear.out_features):
        weight, bias = torch.zeros_like(weight), torch.zeros_like(bias)
    return weight.requires_grad_(), bias.requires_grad_()


def _held(chunks: Chunks, device: torch.device) -> Chunks:
    """The chunks in fp32 on the device: kept there as long as they are few, else read again each time."""
    kept: list[tuple[Tensor, Tensor]] = []
    size = 0
    for features, labels in chunks():
        size += features.numel() * 4
        if size > MOST_HELD:
            kept.clear()
            return lambda: (_moved(*chunk, device) for chunk in chunks())
        kept.append(_moved(features, labels, device))
    return lambda: iter(kept)


def _moved(features: Tensor, labels: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    return features.to(device).float().flatten(1), labels.to(device)


def _entropy(scores: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    return F.cross_entropy(scores, labels, weight=weights, reduction="sum")


def _measured(held: Chunks, weights: Tensor | None) -> tuple[float, float]:
    """How much all pictures of all processes count together, and the root of the mean square of their features."""
    count, numbers, squares = 0.0, 0.0, 0.0
    for features, labels in held():
        count += len(labels) if weights is None else float(weights[labels].double().sum())
        numbers += features.numel()
        squares += float(features.double().square().sum())
    count, numbers, squares = here().exchange([count, numbers, squares]).sum(axis=0).tolist()
    scale = (squares / numbers) ** 0.5 if numbers else 0.0
    return count, scale or 1.0


@torch.no_grad()
def _score(linear: nn.Linear, held: Chunks) -> tuple[float, int, int]:
    loss, right, count = 0.0, 0, 0
    for features, labels in held():
        scores = linear(features)
        loss += float(F.cross_entropy(scores, labels, reduction="sum"))
        right += int((scores.argmax(1) == labels).sum())
        count += len(labels)
    return loss, right, count
