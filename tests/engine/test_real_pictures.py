"""Trainings on real photographs, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.lessons import end, events_of, only
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import TrainJob

pytestmark = pytest.mark.real


@pytest.mark.timeout(600)
def test_that_a_slim_network_from_scratch_learns_cifar10(real_data: Path, tmp_path: Path) -> None:
    job = TrainJob(
        data=str(real_data / "data" / "cifar10"), run=str(tmp_path / "run"), variant="vgg11_bn", width_divisor=4,
        slim_linear=True, image_size=32, epochs=2, batch_size=32, optimizer="adamw", dropout=0.2, device="cpu",
    )  # fmt: skip

    events = events_of(job)

    assert end(events).outcome == "finished"
    started, (score,) = only(events, ev.RunStarted)[0], only(events, ev.Evaluation)
    assert started.parts == {"train": 4250, "val": 750, "test": 1000}  # given train and test: 15 % of train checks
    assert (score.split, score.count) == ("test", 1000)
    assert score.accuracy >= 0.25  # the largest class has 10 %


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_that_pretrained_features_tell_flowers_apart(real_data: Path, tmp_path: Path) -> None:
    job = TrainJob(
        data=str(real_data / "data" / "flowers"), run=str(tmp_path / "run"), variant="vgg16", image_size=112,
        weights=str(real_data / "weights" / "vgg16_features.pth"), train_from="fc6", epochs=2, device="cpu",
    )  # fmt: skip

    events = events_of(job)

    assert end(events).outcome == "finished"
    report, (score,) = only(events, ev.WeightsLoaded)[0].report, only(events, ev.Evaluation)
    assert len(report.loaded) == 26
    assert score.count == 150
    assert score.accuracy >= 0.6  # each of the five classes has 20 %
    assert all((one.found or 0) >= 0.3 for one in score.by_class)
