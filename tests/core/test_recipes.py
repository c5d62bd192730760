from __future__ import annotations

import pytest

from vgg_studio.core import recipes
from vgg_studio.core.jobs import OPTIMIZERS, TrainJob


def test_that_from_scratch_everything_trains_and_with_weights_the_classifier() -> None:
    assert recipes.train_from(TrainJob()) == "block1"
    assert recipes.train_from(TrainJob(weights="official")) == "fc6"
    assert recipes.train_from(TrainJob(weights="official", train_from="block5")) == "block5"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_that_pretrained_layers_are_moved_more_gently_than_new_ones(optimizer: str) -> None:
    scratch = recipes.learning_rate(TrainJob(variant="vgg16_bn", optimizer=optimizer))
    plain = recipes.learning_rate(TrainJob(variant="vgg16", optimizer=optimizer))
    head = recipes.learning_rate(TrainJob(weights="official", optimizer=optimizer))
    tuned = recipes.learning_rate(TrainJob(weights="official", train_from="block4", optimizer=optimizer))
    assert scratch > plain > tuned
    assert head > tuned


def test_that_an_own_learning_rate_is_kept() -> None:
    assert recipes.learning_rate(TrainJob(learning_rate=0.123)) == 0.123


@pytest.mark.parametrize("pictures", [4, 100, 1000, 100_000])
@pytest.mark.parametrize("has_gpu", [False, True])
def test_that_the_defaults_fit_the_data(pictures: int, has_gpu: bool) -> None:
    job = recipes.defaults(pictures, has_gpu)
    assert job.variant.endswith("_bn")
    assert 4 <= job.batch_size <= 64
    assert job.weights == "none"


def test_that_choosing_weights_gives_up_what_only_scratch_can_have() -> None:
    slim = recipes.defaults(1000, has_gpu=False)
    tuned = recipes.with_weights(slim, "official")
    assert (tuned.width_divisor, tuned.slim_linear, tuned.channels, tuned.image_size) == (1, False, 3, 224)
    assert recipes.with_weights(tuned, "none").train_from == ""
