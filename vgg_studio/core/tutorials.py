"""The five tutorials as recipes: settings to begin with, what they are for, and where they differ from what readers typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from vgg_studio.core import recipes
from vgg_studio.core.errors import UsageError
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import N_

AUTO = "auto"
Difference = tuple[str, Any, Any]  # field of TrainJob, the recipe's value, the job's

_HONEST = N_("A part of the pictures to learn from chooses the best round; the test part is asked once, at the end.")
_OWN_NORMALISATION = N_("Pictures are normalised as the weights expect it, not by 0.5.")
_MEANS = N_("Losses are means over pictures, not over batches.")
_SQUARE_FIRST = N_(
    "Crops are cut from the picture once it is scaled to the square, so its sides' ratio does not count."
)


@dataclass(frozen=True)
class Recipe:
    """A tutorial: its title and one sentence, its settings (None: nothing is trained), and what is different here and why."""

    key: str
    title: str
    sentence: str
    job: TrainJob | None = None
    notes: tuple[str, ...] = ()


_A = TrainJob(
    variant="vgg16",
    weights="official",
    train_from="block1",
    epochs=10,
    batch_size=64,
    optimizer="adam",
    learning_rate=1e-4,
    weight_decay=0.0,
    schedule="none",
    variation="none",
)
_C = TrainJob(
    variant="vgg16",
    weights="official",
    train_from="block1",
    epochs=20,
    batch_size=16,
    optimizer="sgd",
    learning_rate=0.003,
    momentum=0.0,
    weight_decay=0.0,
    schedule="step",
    step_epochs=10,
    step_factor=0.5,
    variation="crop_upside_down",
    initial="xavier",
)
_D = TrainJob(
    variant="vgg11",
    width_divisor=4,
    channels=1,
    epochs=10,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.05,
    momentum=0.0,
    weight_decay=0.0,
    schedule="none",
    variation="none",
    initial="xavier",
)
_E = TrainJob(
    variant="vgg16",
    weights="official",
    train_from="fc6",
    epochs=2,
    batch_size=20,
    optimizer="sgd",
    learning_rate=0.001,
    momentum=0.0,
    weight_decay=0.0,
    schedule="none",
    variation="crop",
)

RECIPES: dict[str, Recipe] = {
    recipe.key: recipe
    for recipe in (
        Recipe(
            AUTO,
            N_("Automatic"),
            N_("Settings that suit these pictures and this machine, and need no change."),
        ),
        Recipe(
            "a",
            N_("VGG-16 on CIFAR-10, every layer"),
            N_("Official weights, the last layer replaced; every layer goes on learning with Adam for 10 rounds."),
            _A,
            (_HONEST, _OWN_NORMALISATION, N_("Dropout is off whenever the network is scored.")),
        ),
        Recipe(
            "b",
            N_("Look inside VGG-16 and VGG-19-BN"),
            N_("Layers, shapes and weights, and a part of a network as a file of its own. Nothing is trained."),
        ),
        Recipe(
            "c",
            N_("Five flowers with transfer learning"),
            N_("VGG-16 from its official weights without the last layer; everything learns with SGD for 20 rounds."),
            _C,
            (
                _HONEST,
                _OWN_NORMALISATION,
                _MEANS,
                _SQUARE_FIRST,
                N_("The rate is halved behind the 10th round, after its last step."),
                N_(
                    "Pictures are turned upside down as there; flowers in gardens are not: mirroring suits them better."
                ),
            ),
        ),
        Recipe(
            "c-scratch",
            N_("Five flowers from scratch"),
            N_("The same without weights. It hardly learns, there and here: a network with batch normalisation does."),
            msgspec.structs.replace(_C, weights="none"),
            (_HONEST, _MEANS, _SQUARE_FIRST),
        ),
        Recipe(
            "d",
            N_("VGG-11 from blocks, on Fashion-MNIST"),
            N_("A quarter of the channels, grey pictures of 224 px, from scratch with SGD for 10 rounds."),
            _D,
            (_HONEST, _MEANS, N_("Values run from -1 to 1 instead of 0 to 1.")),
        ),
        Recipe(
            "e",
            N_("VGG-16 as a fixed feature extractor, on flowers"),
            N_("All convolutions stay as they are; the three linear layers learn with SGD for 2 rounds."),
            _E,
            (
                _HONEST,
                _SQUARE_FIRST,
                N_(
                    "Each picture is cut in 8 fixed ways, so that its convolutions are computed once for each and not in"
                    " every round."
                ),
            ),
        ),
    )
}
TRAINABLE = tuple(key for key, recipe in RECIPES.items() if recipe.job is not None or key == AUTO)

# Where a run lies, what computes it, and what a recipe has no say in.
_OTHER = (
    "data", "run", "resume", "parent", "recipe", "device", "checkpoint_minutes", "features", "precision", "backend", "seed",
    "val_percent", "test_percent", "corrections",
)  # fmt: skip


def order(given: dict[str, Any], auto: TrainJob | None = None) -> TrainJob:
    """The order that a recipe (`given["recipe"]`, maybe none) makes of what is given, which replaces its settings.

    `auto` is what `recipes.defaults` proposes. A rate belongs to its optimizer: with another one it is chosen anew. Raises
    UsageError.
    """
    start = starting(given.get("recipe", ""), auto)
    fitting: dict[str, Any] = {}
    if given.get("optimizer", start.optimizer) != start.optimizer:
        fitting["learning_rate"] = None
    if start.recipe and given.get("weights") == "none" and start.weights != "none":
        fitting["train_from"] = ""
    return msgspec.structs.replace(start, **fitting | given)


def starting(key: str, auto: TrainJob | None = None) -> TrainJob:
    """A recipe's settings ("" are the usual ones). Raises UsageError for one that trains nothing, or that there is none of."""
    if not key:
        return TrainJob()
    if key == AUTO and auto is not None:
        return msgspec.structs.replace(auto, recipe=AUTO)
    found = RECIPES.get(key)
    if found is None or found.job is None:
        allowed = "recipe_b" if key == "b" else ", ".join(TRAINABLE)
        raise UsageError(name="--recipe", value=key, allowed=allowed)
    return msgspec.structs.replace(found.job, recipe=key)


def begun(job: TrainJob, key: str, auto: TrainJob) -> TrainJob:
    """A recipe's settings for what a job is about: its pictures, its seed, the machine's part.

    The automatic ones are those that are proposed, under no recipe's name: they are where everybody begins.
    """
    start = auto if key == AUTO else starting(key)
    kept = {name: getattr(job, name) for name in _OTHER if name not in ("recipe", "parent", "run", "resume")}
    return msgspec.structs.replace(start, **kept)


def differences(job: TrainJob, auto: TrainJob | None = None) -> list[Difference]:
    """What a job has otherwise than the recipe that it began with; nothing where it began with none.

    `auto` is what was proposed, for a job that began with that.
    """
    if job.recipe not in TRAINABLE or (job.recipe == AUTO and auto is None):
        return []
    start = starting(job.recipe, auto)
    names = [name for name in TrainJob.__struct_fields__ if name not in _OTHER]
    both = [(name, _meant(start, name), _meant(job, name)) for name in names]
    return [found for found in both if found[1] != found[2]]


def _meant(job: TrainJob, name: str) -> Any:
    """A setting with what is left open chosen: a run's job has chosen it."""
    if name == "learning_rate":
        return recipes.learning_rate(job)
    return job.first_stage if name == "train_from" else getattr(job, name)
