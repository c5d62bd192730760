"""The settings of a training as options of several commands: declared once, handed to a command as what was given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from typer.models import OptionInfo

from vgg_studio.cli import data_options, keeping_options as keep, options as opt, speed_options as speed

NETWORK: dict[str, Any] = {
    "variant": opt.Variant,
    "weights": opt.Weights,
    "head": opt.Head,
    "width_divisor": opt.WidthDivisor,
    "slim_linear": opt.SlimLinear,
    "channels": opt.Channels,
    "blocks": opt.Blocks,
    "initial": opt.Initial,
}
LEARNING: dict[str, Any] = {
    "train_from": opt.TrainFrom,
    "dropout": opt.Dropout,
    "epochs": opt.Epochs,
    "batch_size": opt.BatchSize,
    "optimizer": opt.Optimizer,
    "learning_rate": opt.LearningRate,
    "layer_decay": opt.LayerDecay,
    "momentum": opt.Momentum,
    "weight_decay": opt.WeightDecay,
    "schedule": opt.Schedule,
    "step_epochs": opt.StepEpochs,
    "step_factor": opt.StepFactor,
    "warmup": opt.Warmup,
    "patience": opt.Patience,
    "label_smoothing": opt.LabelSmoothing,
    "class_weights": data_options.ClassWeights,
    "ema": opt.Ema,
    "variation": opt.Variation,
    "views": opt.Views,
    "mirror": opt.Mirror,
    "checkpoint_minutes": opt.CheckpointMinutes,
}
PICTURES: dict[str, Any] = {
    "image_size": opt.ImageSize,
    "resize": opt.Resize,
    "normalisation": opt.Normalisation,
    "seed": opt.Seed,
    "corrections": opt.AsListed,
    "val_percent": data_options.ValPercent,
    "test_percent": data_options.TestPercent,
}
SPEED: dict[str, Any] = {
    "features": speed.Features,
    "precision": speed.Precision,
    "backend": speed.Backend,
    "device": opt.Device,
}
RECIPE: dict[str, Any] = {"recipe": keep.Recipe}
EVERYTHING = RECIPE | NETWORK | LEARNING | PICTURES | SPEED
LOOK = {
    name: EVERYTHING[name]
    for name in (
        "variant",
        "blocks",
        "weights",
        "image_size",
        "resize",
        "seed",
        "corrections",
        "val_percent",
        "test_percent",
        "precision",
        "backend",
        "device",
    )
}


def taking(options: Mapping[str, Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command these options beside its own; its parameter `given` gets those that stood on the command line."""

    def decorated(command: Callable[..., int]) -> Callable[..., int]:
        def called(**parameters: Any) -> int:
            settings = {name: parameters.pop(name) for name in options}
            return command(**parameters, given={name: value for name, value in settings.items() if value is not None})

        plain = inspect.signature(command, eval_str=True).parameters.values()
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in plain if one.name != "given"]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
            for name, option in options.items()
        ]
        first = [one for one in own if not _is_option(one)]
        called.__name__, called.__doc__ = command.__name__, command.__doc__
        called.__signature__ = inspect.Signature([*first, *added, *filter(_is_option, own)])  # type: ignore[attr-defined]
        called.__annotations__ = {}
        return called

    return decorated


def _is_option(parameter: inspect.Parameter) -> bool:
    return any(isinstance(part, OptionInfo) for part in getattr(parameter.annotation, "__metadata__", ()))
