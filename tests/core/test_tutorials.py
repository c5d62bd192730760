"""The five tutorials as recipes: the settings they begin with, and what is told where a job has others."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vgg_studio.core import recipes, tutorials, vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.recipe_words import FIELDS, differing, lines
from vgg_studio.core.tutorials import RECIPES, TRAINABLE, differences, order, starting

PROPOSED = recipes.defaults(600, has_gpu=False)
WANTED: dict[str, dict[str, Any]] = {
    "a": {"variant": "vgg16", "weights": "official", "optimizer": "adam", "learning_rate": 1e-4, "batch_size": 64},
    "c": {"optimizer": "sgd", "learning_rate": 0.003, "batch_size": 16, "step_epochs": 10, "step_factor": 0.5},
    "c-scratch": {"weights": "none", "learning_rate": 0.003, "initial": "xavier", "schedule": "step"},
    "d": {"variant": "vgg11", "width_divisor": 4, "channels": 1, "learning_rate": 0.05, "batch_size": 128},
    "e": {"train_from": "fc6", "learning_rate": 0.001, "batch_size": 20, "variation": "crop"},
}
ROUNDS = {"a": 10, "c": 20, "c-scratch": 20, "d": 10, "e": 2}


@pytest.mark.parametrize("key", WANTED)
def test_that_a_recipe_has_its_tutorials_settings(key: str) -> None:
    job = starting(key)

    assert {name: getattr(job, name) for name in WANTED[key]} == WANTED[key]
    assert (job.epochs, job.image_size, job.recipe) == (ROUNDS[key], 224, key)


def test_that_the_networks_are_those_of_the_tutorials() -> None:
    assert vgg.parameters(starting("c").shape(5)) == 134_281_029
    assert vgg.parameters(starting("c-scratch").shape(5)) == 134_281_029
    assert list(starting("d").shape(10).blocks) == [(1, 16), (1, 32), (2, 64), (2, 128), (2, 128)]
    assert vgg.layers(starting("d").shape(10))[-1].inputs == 4096
    assert starting("a").first_stage == starting("c").first_stage == "block1"


def test_that_what_is_given_replaces_the_recipes_settings() -> None:
    job = order({"recipe": "c", "epochs": 5, "image_size": 64, "data": "flowers", "run": "here"})

    assert (job.epochs, job.image_size, job.data, job.run) == (5, 64, "flowers", "here")
    assert job.learning_rate == 0.003
    assert differences(job) == [("image_size", 224, 64), ("epochs", 20, 5)]
    assert differing(job) == "Differs from the recipe in: picture size 64 px instead of 224 px, rounds 5 instead of 20."


def test_that_a_rate_made_for_one_optimizer_is_not_taken_by_another() -> None:
    job = order({"recipe": "d", "optimizer": "adam"})

    assert job.learning_rate is None
    assert [name for name, _, _ in differences(job)] == ["optimizer", "learning_rate"]
    assert order({"recipe": "d", "optimizer": "adam", "learning_rate": 0.01}).learning_rate == 0.01
    assert order({"recipe": "d", "optimizer": "sgd"}).learning_rate == 0.05


def test_that_a_run_that_has_chosen_what_was_left_open_differs_in_nothing() -> None:
    for key in TRAINABLE:
        job = starting(key, PROPOSED)
        settled = msgspec.structs.replace(
            job, train_from=recipes.train_from(job), learning_rate=recipes.learning_rate(job), data="x", run="y"
        )
        assert differences(settled, PROPOSED) == []
        assert differing(settled, PROPOSED) == ""


def test_that_the_automatic_recipe_is_what_is_proposed() -> None:
    job = order({"recipe": "auto", "epochs": 3}, PROPOSED)

    assert job == msgspec.structs.replace(PROPOSED, recipe="auto", epochs=3)
    assert differences(job, PROPOSED) == [("epochs", 30, 3)]
    assert differences(job) == []  # nobody knows what was proposed


def test_that_without_weights_everything_learns_whatever_the_recipe_says() -> None:
    assert order({"recipe": "e", "weights": "none"}).first_stage == "block1"


@pytest.mark.parametrize(("key", "told"), [("b", "vgg-studio inspect vgg16"), ("f", "auto, a, c")])
def test_that_a_recipe_that_trains_nothing_or_that_is_not_there_says_what_there_is(key: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        order({"recipe": key})
    assert told in str(caught.value)


def test_that_without_a_recipe_nothing_is_changed_and_nothing_told() -> None:
    assert order({"epochs": 3}) == TrainJob(epochs=3)
    assert differences(TrainJob(epochs=3)) == []
    assert differences(TrainJob(recipe="of a later version", epochs=3)) == []


def test_that_each_recipe_is_told_with_a_command_and_each_field_has_a_name() -> None:
    for recipe in RECIPES.values():
        assert lines(recipe)[-1].strip().startswith("vgg-studio ")
    told = set(TrainJob.__struct_fields__) - set(tutorials._OTHER)
    assert told == set(FIELDS)
