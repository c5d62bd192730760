"""What recipes are called, and sentences on what a job has otherwise than its recipe."""

from __future__ import annotations

from typing import Any

from vgg_studio.core import vgg, wording
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import N_, _
from vgg_studio.core.tutorials import RECIPES, Recipe, differences

FIELDS: dict[str, str] = {
    "variant": N_("network"),
    "weights": N_("start from"),
    "train_from": N_("what learns"),
    "image_size": N_("picture size"),
    "epochs": N_("rounds"),
    "batch_size": N_("batch"),
    "optimizer": N_("optimizer"),
    "learning_rate": N_("learning rate"),
    "momentum": N_("momentum"),
    "weight_decay": N_("weight decay"),
    "schedule": N_("rate falls"),
    "step_epochs": N_("rounds between steps"),
    "step_factor": N_("factor of a step"),
    "warmup": N_("warm-up"),
    "patience": N_("patience"),
    "dropout": N_("dropout"),
    "width_divisor": N_("width"),
    "slim_linear": N_("slim classifier"),
    "channels": N_("channels"),
    "resize": N_("scaling"),
    "normalisation": N_("normalisation"),
    "variation": N_("variation"),
    "head": N_("head"),
    "views": N_("views"),
    "layer_decay": N_("rate by block"),
    "label_smoothing": N_("label smoothing"),
    "ema": N_("averaged weights"),
    "mirror": N_("ask mirrored, too"),
    "class_weights": N_("class weights"),
    "blocks": N_("blocks"),
    "initial": N_("initial weights"),
}


def differing(job: TrainJob, auto: TrainJob | None = None) -> str:
    """One sentence on what a job has otherwise than its recipe; "" where there is nothing of the kind to say."""
    found = differences(job, auto)
    if not found:
        return ""
    parts = [
        _("{name} {value} instead of {usual}").format(
            name=_(FIELDS.get(name, name)), value=_value(name, value), usual=_value(name, usual)
        )
        for name, usual, value in found
    ]
    return _("Differs from the recipe in: {differences}.").format(differences=", ".join(parts))


def lines(recipe: Recipe) -> list[str]:
    """A recipe as lines for a terminal."""
    found = [f"{recipe.key:10}{_(recipe.title)}", f"{'':10}{_(recipe.sentence)}"]
    if recipe.notes:
        found += [f"{'':10}{_('Different here:')}", *(f"{'':12}{_(note)}" for note in recipe.notes)]
    command = "vgg-studio inspect vgg16" if recipe.key == "b" else f"vgg-studio train DATA --recipe {recipe.key}"
    return [*found, f"{'':10}{command}"]


def title(key: str) -> str:
    """A recipe's name in the chosen language; "" for none."""
    return _(RECIPES[key].title) if key in RECIPES else ""


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    titles = {"variant": vgg.title, "weights": wording.weights_title, "train_from": wording.stage_title}
    if name in titles:
        return titles[name](value)
    if name == "image_size":
        return _("{side} px").format(side=value)
    if name == "width_divisor":
        return f"1/{value}"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
