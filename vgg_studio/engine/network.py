"""The VGG networks, built from `core.vgg`'s table with torchvision's key names; and which part of them learns."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vgg_studio.core import vgg


class VGG(nn.Module):
    """A VGG network: pictures (N, channels, side, side), at least 32 px, to scores (N, classes) before softmax.

    `state_dict()` is interchangeable with that of torchvision's network of the same name. `frozen` are the stages that stay
    in evaluation mode (batch normalisation keeps its statistics, dropout is off) even when `train()` is called.
    """

    def __init__(self, shape: vgg.Shape, dropout: float = 0.5) -> None:
        super().__init__()
        self.shape = shape
        self.frozen: tuple[str, ...] = ()
        parts: dict[str, OrderedDict[str, nn.Module]] = {"features": OrderedDict(), "classifier": OrderedDict()}
        for layer in vgg.layers(shape):
            if layer.kind != "average_pool":
                part, index = layer.key.split(".")
                parts[part][index] = _MODULES[layer.kind](layer, dropout)
        self.features = nn.Sequential(parts["features"])
        self.avgpool = nn.AdaptiveAvgPool2d((shape.pooled_side, shape.pooled_side))
        self.classifier = nn.Sequential(parts["classifier"])

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores before softmax."""
        pooled = self.avgpool(self.features(pictures))
        scores: Tensor = self.classifier(torch.flatten(pooled, 1))
        return scores

    def train(self, mode: bool = True) -> VGG:
        """Switch to training or evaluation; frozen stages stay in evaluation."""
        super().train(mode)
        for layer in vgg.layers(self.shape):
            if layer.stage in self.frozen:
                self.get_submodule(layer.key).eval()
        return self


class ResponseNorm(nn.LocalResponseNorm):
    """Normalisation between channels, in fp32 whatever is computed in: squares leave fp16's range, and torch has no bf16 here."""

    def forward(self, features: Tensor) -> Tensor:
        """The features in the number format that they came in."""
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.float()).to(features.dtype)


_MODULES: dict[str, Callable[[vgg.Layer, float], nn.Module]] = {
    "conv": lambda layer, _: nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding=layer.kernel // 2),
    "batch_norm": lambda layer, _: nn.BatchNorm2d(layer.outputs),
    "response_norm": lambda _layer, _: ResponseNorm(
        vgg.NORM_CHANNELS, alpha=vgg.NORM_ALPHA, beta=vgg.NORM_BETA, k=vgg.NORM_K
    ),
    "relu": lambda _layer, _: nn.ReLU(inplace=True),
    "pool": lambda _layer, _: nn.MaxPool2d(kernel_size=2, stride=2),
    "linear": lambda layer, _: nn.Linear(layer.inputs, layer.outputs),
    "dropout": lambda _, p: nn.Dropout(p),
}


class Trunk(nn.Sequential):
    """The frozen part: always in evaluation mode, never recorded for gradients."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of the stage before the first that learns."""
        features = pictures
        with torch.no_grad():
            for module in self:
                features = module(features)
        return features

    def train(self, mode: bool = True) -> Trunk:  # noqa: ARG002 - the face is nn.Module's
        """Stay in evaluation mode."""
        super().train(False)
        return self


def build(shape: vgg.Shape, dropout: float = 0.5, seed: int = 0, initial: str = "auto") -> VGG:
    """A network with fresh weights on the processor: the same for the same shape and seed, whatever was drawn before.

    Biases are zero. "xavier" draws all weights evenly within sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010, eq. 16),
    "kaiming" from a normal distribution of variance 2 / inputs (He et al. 2015, eq. 10), "paper" from one with a deviation
    of 0.01. The VGG paper (section 3.1) calls 0.01 the variance; but a deviation of 0.1 makes the signal grow almost fivefold
    in each layer of 512 channels, and 0.01 is the deviation of AlexNet, whose training it follows.

    With "auto" everything starts as torchvision's does: convolutions by He et al. 2015 (arXiv 1502.01852) over their outputs,
    linear layers with a deviation of 0.01. But fc6 and fc7 of a network without batch normalisation start by He's rule over their
    inputs: 0.01 is made for 25,088 inputs, and with the few of a slim network signal and gradient fade. (Slim VGG-11,
    2,000 pictures of CIFAR-10, 8 rounds, SGD at 0.01, accuracy on 1,000 others, two seeds: 0.22 with 0.01, 0.31 with He's
    rule. VGG-11-BN at 0.02: 0.34 with 0.01, 0.23 with He's rule, which there takes gentler rates than batch normalisation
    allows.)
    """
    with torch.device("meta"):  # else torch.nn draws a start of its own from the global generator, and takes its time
        network = VGG(shape, dropout)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for key, module in network.named_modules():
        by_rule = not shape.batch_norm and key in ("classifier.0", "classifier.3")
        _initialise(module, generator, initial, by_rule)
    return network


def _initialise(module: nn.Module, generator: torch.Generator, initial: str, by_rule: bool) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        _draw(module, generator, initial, by_rule)
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()
        nn.init.ones_(module.weight)
    if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and module.bias is not None:
        nn.init.zeros_(module.bias)


def _draw(module: nn.Conv2d | nn.Linear, generator: torch.Generator, initial: str, by_rule: bool) -> None:
    if initial == "xavier":
        nn.init.xavier_uniform_(module.weight, generator=generator)
    elif initial == "kaiming" or (initial == "auto" and by_rule):
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
    elif initial == "auto" and isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    else:
        nn.init.normal_(module.weight, 0.0, 0.01, generator=generator)


def stage_of(shape: vgg.Shape, key: str) -> str:
    """The stage of an entry of the state dict: `features.0.weight` belongs to block1."""
    return _stages(shape)[key.rpartition(".")[0]]


def _stages(shape: vgg.Shape) -> dict[str, str]:
    return {layer.key: layer.stage for layer in vgg.layers(shape)}


def freeze(network: VGG, train_from: str) -> None:
    """Let only the stages from `train_from` on learn; the others keep weights and statistics, also after `train()`."""
    learning = vgg.trained_stages(train_from)
    network.frozen = tuple(stage for stage in vgg.stages(network.shape) if stage not in learning)
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(stage_of(network.shape, key) in learning)
    network.train(network.training)


def trained_state(network: VGG, train_from: str) -> dict[str, Tensor]:
    """The entries of the state dict (parameters and buffers, not copied) that learn when training starts at `train_from`."""
    return _part_of_state(network, vgg.trained_stages(train_from))


def frozen_state(network: VGG, train_from: str) -> dict[str, Tensor]:
    """The other entries: what stays as it is for the whole run."""
    learning = vgg.trained_stages(train_from)
    return _part_of_state(network, tuple(stage for stage in vgg.stages(network.shape) if stage not in learning))


def _part_of_state(network: VGG, stages: tuple[str, ...]) -> dict[str, Tensor]:
    state: dict[str, Any] = network.state_dict()
    return {key: value for key, value in state.items() if stage_of(network.shape, key) in stages}


def trunk_and_head(network: VGG, train_from: str) -> tuple[Trunk, nn.Sequential]:
    """What does not learn and what does, as two networks that share the weights; `head(trunk(x))` is `network(x)` to the bit.

    The trunk gives (N, channels, side, side) up to `train_from` fc6 and vectors (N, width) from fc7 on; for block1 it
    changes nothing.
    """
    learning = vgg.trained_stages(train_from)
    trunk, head = Trunk(), nn.Sequential()
    for layer in vgg.layers(network.shape):
        side = head if layer.stage in learning else trunk
        side.append(network.get_submodule(layer.key))
        if layer.kind == "average_pool":
            side.append(nn.Flatten(1))
    head.train(network.training)
    trunk.eval()
    return trunk, head
