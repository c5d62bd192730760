"""Class weights: each class counts the same in what is learned, and the figures that are told stay plain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from tests.engine.lessons import draw_folder, end, events_of, numbers, only, stopped
from tests.engine.test_last_layer import CPU, fresh, in_chunks, pictures as features_of
from tests.engine.test_several import both, losses, plain
from tests.engine.test_shrinking import batch, learner_of, limit
from vgg_studio.core import events as ev
from vgg_studio.engine import tensor_files
from vgg_studio.engine.batches import Batch
from vgg_studio.engine.last_layer import improve
from vgg_studio.engine.learner import Learner
from vgg_studio.engine.weighing import balanced

RARE = torch.tensor([2.0, 0.5, 1.25])


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 blue pictures, 8 green ones, 16 red ones."""
    root = tmp_path_factory.mktemp("uneven")
    for name, count in (("blue", 4), ("green", 8), ("red", 16)):
        draw_folder(root, count, [name])
    return root


def weighted(**changes: Any) -> Learner:
    learner = learner_of(**changes)
    learner._weights = RARE
    return learner


def test_that_weights_are_those_of_a_balanced_sample() -> None:
    labels = [0] * 3 + [1] * 9 + [2] * 30
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced(labels, 3).tolist() == pytest.approx(wanted.tolist())
    assert balanced(labels, 3)[labels].mean() == pytest.approx(1)
    assert balanced([0, 0, 2], 3).tolist() == [0.75, 0.0, 1.5]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_that_a_step_follows_the_gradient_of_torchs_weighted_loss(smoothing: float) -> None:
    ours, theirs, some = weighted(label_smoothing=smoothing), learner_of(label_smoothing=smoothing), batch(9)
    some = Batch(some.pictures, torch.tensor([0, 0, 0, 0, 0, 1, 1, 2, 2]))
    theirs.network.load_state_dict(ours.network.state_dict())
    theirs.network.train()
    inputs = theirs._inputs(some, slice(None))
    nn.CrossEntropyLoss(weight=RARE, label_smoothing=smoothing)(theirs.network(inputs), some.labels).backward()

    ours.step(some, 0.0, seed=0)

    for one, other in zip(ours.network.parameters(), theirs.network.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-8)


def test_that_a_weighted_step_in_parts_is_the_same_step_and_its_figures_are_plain() -> None:
    whole, short, unweighted = weighted(), weighted(), learner_of()
    for learner in (short, unweighted):
        learner.network.load_state_dict(whole.network.state_dict())
    limit(short, 4)
    for learner in (whole, short, unweighted):
        learner.step(batch(13), 0.05, seed=0)

    assert short.part == 4
    assert whole.figures().loss == pytest.approx(unweighted.figures().loss, rel=1e-6)
    assert short.figures().loss == pytest.approx(whole.figures().loss, rel=1e-6)
    for one, other in zip(whole.network.parameters(), short.network.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)


def test_that_the_last_layer_reaches_what_weighted_logistic_regression_reaches() -> None:
    features, labels = features_of(90)
    kept = (labels != 0) | (torch.arange(90) < 12)  # 4 of the first class
    features, labels = features[kept], labels[kept]
    weights, layer = balanced(labels.tolist(), 3), fresh()
    for _ in range(4):
        told = improve(layer, in_chunks(features, labels, 7), 5e-3, CPU, weights)

    scale = float(features.double().square().mean().sqrt())
    theirs = LogisticRegression(C=1 / (5e-3 * len(labels)), tol=1e-9, max_iter=5000, class_weight="balanced")
    theirs.fit(features.double().numpy() / scale, labels.numpy())
    best = fresh()
    with torch.no_grad():
        best.weight.copy_(torch.from_numpy(theirs.coef_) / scale)
        best.bias.copy_(torch.from_numpy(theirs.intercept_))
    loss = nn.CrossEntropyLoss(weight=weights.double())
    ours, wanted = (
        loss(one.double()(features.double()), labels) + 5e-3 / 2 * (one.weight * scale).square().sum()
        for one in (layer, best)
    )
    plain_loss = nn.CrossEntropyLoss(reduction="sum")(layer(features.double()), labels)
    assert told[0] == pytest.approx(plain_loss.item(), rel=1e-5)
    assert ours <= wanted * (1 + 1e-4)


@pytest.mark.parametrize("changes", [{"train_from": "block5"}, {"train_from": "fc8", "optimizer": "lbfgs"}], ids=str)
def test_that_a_weighted_run_that_went_on_learned_what_an_unbroken_one_learns(
    uneven: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    settings: dict[str, Any] = {"class_weights": True, **changes}
    events_of(plain(uneven, tmp_path / "whole", **settings))
    stopped(plain(uneven, tmp_path / "broken", **settings), "pause", 1, ev.EpochEnded)
    assert end(events_of(plain(uneven, tmp_path / "broken", resume=True, **changes))).outcome == "finished"
    events_of(plain(uneven, tmp_path / "even", **(settings | {"class_weights": False})))

    assert numbers(tmp_path / "broken") == numbers(tmp_path / "whole") != numbers(tmp_path / "even")
    one, other = (tensor_files.read(tmp_path / run / "best.safetensors")[0] for run in ("whole", "broken"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_that_two_processes_lose_what_one_loses_with_class_weights(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGG_STUDIO_PROCESSES", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    two, one = both(uneven, tmp_path, class_weights=True, batch_size=7)

    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    (began,) = only(two, ev.RunStarted)
    assert began.processes == 2
