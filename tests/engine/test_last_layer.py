"""The last layer learned from all pictures at once: it gets where logistic regression gets, held in memory or streamed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional

from vgg_studio.engine import last_layer
from vgg_studio.engine.last_layer import Chunks, improve

CPU = torch.device("cpu")
WIDTH, CLASSES = 12, 3


def pictures(count: int = 90, seed: int = 0, size: float = 1.0) -> tuple[Tensor, Tensor]:
    """Features of three overlapping classes, all positive as behind a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    centres = torch.randn(CLASSES, WIDTH, generator=generator)
    noise = torch.randn(count, WIDTH, generator=generator)
    return size * (centres[labels] + 1.5 * noise).relu(), labels


def in_chunks(features: Tensor, labels: Tensor, size: int = 1000) -> Chunks:
    def chunks() -> Iterator[tuple[Tensor, Tensor]]:
        return zip(torch.split(features, size), torch.split(labels, size), strict=True)

    return chunks


def fresh(seed: int = 1) -> nn.Linear:
    layer = nn.Linear(WIDTH, CLASSES)
    with torch.no_grad():
        layer.weight.normal_(0, 0.01, generator=torch.Generator().manual_seed(seed))
        layer.bias.zero_()
    return layer


def objective(layer: nn.Linear, features: Tensor, labels: Tensor, decay: float) -> float:
    """What is made small, in double precision: features are measured in their root mean square."""
    scale = features.double().square().mean().sqrt()
    weight = layer.weight.detach().double()
    scores = functional.linear(features.double(), weight, layer.bias.detach().double())
    return float(functional.cross_entropy(scores, labels) + decay / 2 * (weight * scale).square().sum())


@pytest.mark.parametrize(("decay", "size"), [(1e-1, 1.0), (5e-3, 1.0), (5e-4, 40.0), (5e-3, 1e-3)])
def test_that_it_reaches_what_logistic_regression_reaches(decay: float, size: float) -> None:
    features, labels = pictures(size=size)
    layer = fresh()
    for _ in range(4):
        improve(layer, in_chunks(features, labels), decay, CPU)

    scale = float(features.double().square().mean().sqrt())
    theirs = LogisticRegression(C=1 / (decay * len(labels)), tol=1e-9, max_iter=5000)
    theirs.fit(features.double().numpy() / scale, labels.numpy())
    best = fresh()
    with torch.no_grad():
        best.weight.copy_(torch.from_numpy(theirs.coef_) / scale)
        best.bias.copy_(torch.from_numpy(theirs.intercept_))
    ours, wanted = (objective(one, features, labels, decay) for one in (layer, best))
    assert ours <= wanted * (1 + 1e-4)
    named, told = layer(features).argmax(1).numpy(), theirs.predict(features.double().numpy() / scale)
    assert np.mean(named == told) > 0.97


def test_that_each_call_improves_on_the_one_before_until_there_is_nothing_to_gain() -> None:
    features, labels = pictures(300)
    layer = fresh()
    found = [objective(layer, features, labels, 1e-4)]
    for _ in range(8):
        improve(layer, in_chunks(features, labels), 1e-4, CPU)
        found.append(objective(layer, features, labels, 1e-4))

    assert found[0] == pytest.approx(math.log(CLASSES), rel=0.2)
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(found))
    assert found[1] < 0.9 * found[0]
    assert found[-1] == pytest.approx(found[-2], rel=1e-4)


def test_that_it_depends_on_where_the_weights_stand_alone() -> None:
    features, labels = pictures()
    whole, stopped = fresh(), fresh()
    for _ in range(3):
        improve(whole, in_chunks(features, labels), 1e-3, CPU)
    improve(stopped, in_chunks(features, labels), 1e-3, CPU)
    again = nn.Linear(WIDTH, CLASSES)
    again.load_state_dict(stopped.state_dict())
    for _ in range(2):
        improve(again, in_chunks(features, labels), 1e-3, CPU)

    assert torch.equal(again.weight, whole.weight)
    assert torch.equal(again.bias, whole.bias)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_that_streamed_features_teach_the_same_as_held_ones(monkeypatch: pytest.MonkeyPatch, kind: torch.dtype) -> None:
    features, labels = pictures(100)
    held, streamed = fresh(), fresh()
    looks = [0]

    def counted() -> Iterator[tuple[Tensor, Tensor]]:
        looks[0] += 1
        return in_chunks(features.to(kind), labels, 16)()

    told = improve(held, counted, 1e-3, CPU)
    assert looks[0] == 1
    monkeypatch.setattr(last_layer, "MOST_HELD", 1000)
    again = improve(streamed, counted, 1e-3, CPU)

    assert looks[0] > 12
    assert torch.equal(held.weight, streamed.weight)
    assert torch.equal(held.bias, streamed.bias)
    assert told == again


def test_that_what_is_held_stays_below_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = pictures(100)
    size = features.numel() * 4
    for most, looks_wanted in ((size, 1), (size - 1, 3)):
        monkeypatch.setattr(last_layer, "MOST_HELD", most)
        looks: list[int] = []

        def counted(looks: list[int] = looks) -> Iterator[tuple[Tensor, Tensor]]:
            looks.append(1)
            return in_chunks(features.half(), labels, 16)()

        held = last_layer._held(counted, CPU)
        for _ in range(2):
            assert torch.equal(torch.cat([part for part, _ in held()]), features.half().float())
        assert len(looks) == looks_wanted


def test_that_the_figures_are_those_of_the_weights_that_stay() -> None:
    features, labels = pictures()
    layer = fresh()
    loss, right, count = improve(layer, in_chunks(features, labels, 7), 1e-3, CPU)

    scores = layer(features).detach()
    assert count == 90
    assert loss == pytest.approx(float(functional.cross_entropy(scores, labels, reduction="sum")), rel=1e-5)
    assert right == int((scores.argmax(1) == labels).sum())


def test_that_of_a_head_only_the_linear_layer_learns_and_without_dropout() -> None:
    features, labels = pictures()
    bare = fresh()
    head = nn.Sequential(nn.Dropout(0.9), fresh()).train()
    maps = features.reshape(90, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    improve(bare, in_chunks(features, labels), 1e-3, CPU)
    improve(head, in_chunks(maps, labels), 1e-3, CPU)

    assert torch.equal(bare.weight, head.get_parameter("1.weight"))


@pytest.mark.parametrize(
    "case", ["all zero", "one feature", "one class", "a class is missing", "huge", "tiny", "two alike", "one picture"]
)
def test_that_degenerate_features_break_nothing(case: str) -> None:
    features, labels = pictures()
    if case == "all zero":
        features = torch.zeros_like(features)
    elif case == "one feature":
        features[:, 1:] = 0
    elif case == "one class":
        labels = torch.zeros_like(labels)
    elif case == "a class is missing":
        labels = labels % 2
    elif case == "huge":
        features = features * 1e15
    elif case == "tiny":
        features = features * 1e-15
    elif case == "two alike":
        features = features[:1].expand(90, -1)
    else:
        features, labels = features[:1], labels[:1]
    layer = fresh()

    for _ in range(3):
        loss, right, count = improve(layer, in_chunks(features, labels), 5e-4, CPU)

    assert math.isfinite(loss)
    assert layer.weight.isfinite().all()
    assert layer.bias.isfinite().all()
    assert count == len(labels)
    assert right >= count // CLASSES
    assert loss / count <= math.log(CLASSES) + 1e-3


def test_that_no_pictures_at_all_change_nothing_that_counts() -> None:
    layer = fresh()

    assert improve(layer, lambda: iter(()), 5e-4, CPU) == (0.0, 0, 0)
    assert layer.weight.isfinite().all()
