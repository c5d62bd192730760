from __future__ import annotations

import pytest

from vgg_studio.core import recipes
from vgg_studio.core.jobs import OPTIMIZERS, TrainJob


def test_that_from_scratch_everything_trains_and_with_weights_the_classifier() -> None:
    assert recipes.train_from(TrainJob()) == "block1"
    assert recipes.train_from(TrainJob(weights="official")) == "fc6"
    assert recipes.train_from(TrainJob(parent="runs/1")) == "fc6"
    assert recipes.train_from(TrainJob(weights="official", train_from="block5")) == "block5"


def test_that_a_light_head_is_one_layer_whichever_of_three_is_named() -> None:
    assert recipes.train_from(TrainJob(weights="official", head="light")) == "fc8"
    assert recipes.train_from(TrainJob(weights="official", head="light", train_from="fc7")) == "fc8"
    assert recipes.train_from(TrainJob(weights="official", head="light", train_from="block5")) == "block5"


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "lbfgs"])
def test_that_pretrained_layers_are_moved_more_gently_than_new_ones(optimizer: str) -> None:
    scratch = recipes.learning_rate(TrainJob(variant="vgg16_bn", optimizer=optimizer))
    plain = recipes.learning_rate(TrainJob(variant="vgg16", optimizer=optimizer))
    head = recipes.learning_rate(TrainJob(weights="official", optimizer=optimizer))
    tuned = recipes.learning_rate(TrainJob(weights="official", train_from="block4", optimizer=optimizer))
    light = recipes.learning_rate(TrainJob(weights="official", head="light", optimizer=optimizer))
    assert scratch > plain > tuned
    assert light > head > tuned


def test_that_with_a_decay_by_blocks_the_rate_is_that_of_the_head() -> None:
    job = TrainJob(weights="official", train_from="block5", optimizer="adamw", layer_decay=0.1)
    assert recipes.learning_rate(job) == recipes.learning_rate(TrainJob(weights="official", optimizer="adamw"))


def test_that_lbfgs_finds_the_length_of_its_steps_itself() -> None:
    assert recipes.learning_rate(TrainJob(weights="official", train_from="fc8", optimizer="lbfgs")) == 1.0


def test_that_an_own_learning_rate_is_kept() -> None:
    assert recipes.learning_rate(TrainJob(learning_rate=0.123)) == 0.123


@pytest.mark.parametrize("pictures", [4, 100, 1000, 100_000])
@pytest.mark.parametrize("has_gpu", [False, True])
def test_that_the_defaults_fit_the_data(pictures: int, has_gpu: bool) -> None:
    job = recipes.defaults(pictures, has_gpu)
    assert job.variant.endswith("_bn")
    assert 4 <= job.batch_size <= 64
    assert job.weights == "none"


@pytest.mark.parametrize(
    ("weights", "has_classifier", "head"),
    [
        ("official", None, "classic"),
        ("official-features", None, "light"),
        ("trunk.pth", False, "light"),
        ("whole.pth", True, "classic"),
    ],
)
def test_that_weights_without_a_classifier_get_one_layer_that_is_learned_at_once(
    weights: str, has_classifier: bool | None, head: str
) -> None:
    job = recipes.defaults(1000, False, weights, has_classifier)
    assert job.head == head
    assert (job.optimizer == "lbfgs") == (head == "light") == job.trains_last_layer


def test_that_choosing_weights_gives_up_what_only_scratch_can_have() -> None:
    slim = recipes.defaults(1000, has_gpu=False)
    tuned = recipes.with_weights(slim, "official")
    assert (tuned.width_divisor, tuned.slim_linear, tuned.channels, tuned.image_size) == (1, False, 3, 224)
    assert recipes.with_weights(tuned, "none").train_from == ""


def test_that_giving_up_weights_gives_up_what_only_one_layer_can_have() -> None:
    light = recipes.defaults(1000, False, "official-features")
    scratch = recipes.with_weights(light, "none")
    assert (scratch.head, scratch.optimizer, scratch.variation) == ("classic", "sgd", "flip")
    assert recipes.train_from(scratch) == "block1"


def test_that_the_classic_head_takes_the_place_of_the_light_one() -> None:
    classic = recipes.with_classic_head(recipes.defaults(1000, False, "official-features"))
    assert (classic.head, classic.optimizer, classic.train_from) == ("classic", "sgd", "fc6")


def test_that_each_next_stage_is_one_block_earlier_until_everything_learns() -> None:
    job: TrainJob | None = recipes.defaults(1000, False, "official-features")
    stages = []
    while job is not None:
        stages.append(recipes.train_from(job))
        job = recipes.next_stage(job, parent="runs/1", pictures=700)
    assert stages == ["fc8", "block5", "block4", "block3", "block2", "block1"]


@pytest.mark.parametrize("stage", ["fc6", "fc7", "fc8"])
def test_that_after_any_linear_layer_comes_the_last_block(stage: str) -> None:
    after = recipes.next_stage(TrainJob(weights="official", train_from=stage), parent="runs/1")
    assert after is not None
    assert after.train_from == "block5"


def test_that_the_next_stage_keeps_the_network_and_moves_it_gently() -> None:
    job = TrainJob(
        data="d", run="runs/1", variant="vgg16_bn", weights="w.pth", head="light", train_from="fc8", optimizer="lbfgs"
    )
    after = recipes.next_stage(job, parent="runs/1", pictures=700, run="runs/2")
    assert after is not None
    kept = ("data", "variant", "weights", "head", "seed", "image_size", "resize")
    assert all(getattr(after, name) == getattr(job, name) for name in kept)
    assert (after.parent, after.run, after.optimizer) == ("runs/1", "runs/2", "adamw")
    assert (after.mirror, after.label_smoothing, after.warmup, after.schedule) == (True, 0.1, 1, "cosine")
    assert 0 < after.ema < 1
    block = recipes.learning_rate(after) * after.layer_decay
    assert block <= 0.1 * recipes.learning_rate(after) * 1.01
    assert block < recipes.learning_rate(TrainJob(variant="vgg16_bn", optimizer="adamw"))
    assert after.patience == 0


def test_that_another_stage_than_the_next_may_be_asked_for() -> None:
    after = recipes.next_stage(TrainJob(weights="official"), parent="runs/1", stage="block3")
    again = recipes.next_stage(TrainJob(weights="official"), parent="runs/1", stage="fc6")
    assert after is not None
    assert again is not None
    assert (after.train_from, again.train_from, again.layer_decay) == ("block3", "fc6", 1.0)


def test_that_the_moving_average_is_over_about_one_round() -> None:
    few = recipes.next_stage(TrainJob(weights="official", batch_size=32), parent="p", pictures=320)
    many = recipes.next_stage(TrainJob(weights="official", batch_size=32), parent="p", pictures=3200)
    assert few is not None
    assert many is not None
    assert (few.ema, many.ema) == (0.9, 0.99)


def test_that_where_everything_learns_nothing_comes_next() -> None:
    assert recipes.next_stage(TrainJob(), parent="runs/1") is None
