"""The VGG networks as numbers: layers, stages, shapes, parameters, multiply-accumulates. No torch.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014), table 1
(columns A, B, D, E), with torchvision's layer order and key names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

BLOCKS: dict[str, tuple[tuple[int, int], ...]] = {  # (convolutions, channels) of each block
    "vgg11": ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)),
    "vgg13": ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512)),
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}
VARIANTS: tuple[str, ...] = ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
STAGES: tuple[str, ...] = ("block1", "block2", "block3", "block4", "block5", "fc6", "fc7", "fc8")
HEADS: tuple[str, ...] = ("classic", "light")  # three linear layers as in the paper; one on features pooled to 2 x 2
POOLED_SIDE, LIGHT_SIDE = 7, 2  # the adaptive average pool's output
LINEAR_WIDTH = 4096


@dataclass(frozen=True)
class Shape:
    """Everything that fixes a network's tensors."""

    variant: str
    classes: int = 1000
    channels: int = 3
    width_divisor: int = 1
    slim_linear: bool = False
    head: str = "classic"

    @property
    def batch_norm(self) -> bool:
        """Whether each convolution is followed by batch normalisation."""
        return self.variant.endswith("_bn")

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(convolutions, channels) of each block, channels already divided."""
        return tuple((n, c // self.width_divisor) for n, c in BLOCKS[self.variant.removesuffix("_bn")])

    @property
    def pooled_side(self) -> int:
        """Side in px of what the head sees of each channel."""
        return LIGHT_SIDE if self.head == "light" else POOLED_SIDE

    @property
    def linear_width(self) -> int:
        """Outputs of fc6 and fc7."""
        return LINEAR_WIDTH // self.width_divisor if self.slim_linear else LINEAR_WIDTH


@dataclass(frozen=True)
class Layer:
    """One entry of the network. `key` is torchvision's module name; `side` the side of its output in px (0: a vector)."""

    key: str
    kind: str  # conv, batch_norm, relu, pool, average_pool, linear, dropout
    stage: str
    inputs: int
    outputs: int
    side: int
    name: str = ""  # conv1-1, pool5, fc6: the paper's way of counting
    parameters: int = 0
    macs: int = 0  # multiply-accumulates for one picture

    @property
    def counts(self) -> bool:
        """Whether the layer is one of those that give the network its number (16 in VGG-16)."""
        return self.kind in ("conv", "linear")


@cache
def layers(shape: Shape, image_size: int = 224) -> tuple[Layer, ...]:
    """Every layer in order, for square pictures of `image_size` px."""
    return (*_features(shape, image_size), *_classifier(shape))


def _features(shape: Shape, side: int) -> list[Layer]:
    found: list[Layer] = []

    def add(kind: str, inputs: int, outputs: int, name: str = "", parameters: int = 0, macs: int = 0) -> None:
        found.append(Layer(f"features.{len(found)}", kind, stage, inputs, outputs, side, name, parameters, macs))

    inputs = shape.channels
    for block, (convolutions, outputs) in enumerate(shape.blocks, start=1):
        stage = f"block{block}"
        for number in range(1, convolutions + 1):
            weights = inputs * outputs * 9
            add("conv", inputs, outputs, f"conv{block}-{number}", weights + outputs, weights * side * side)
            if shape.batch_norm:
                add("batch_norm", outputs, outputs, parameters=2 * outputs)
            add("relu", outputs, outputs, f"relu{block}-{number}")
            inputs = outputs
        side //= 2
        add("pool", inputs, inputs, f"pool{block}")
    return found


def _classifier(shape: Shape) -> list[Layer]:
    channels, width = shape.blocks[-1][1], shape.linear_width
    found = [Layer("avgpool", "average_pool", "fc6", channels, channels, shape.pooled_side)]
    pooled = channels * shape.pooled_side**2
    if shape.head == "light":
        macs = pooled * shape.classes
        linear = Layer("classifier.1", "linear", "fc8", pooled, shape.classes, 0, "fc8", macs + shape.classes, macs)
        return [*found, Layer("classifier.0", "dropout", "fc8", pooled, pooled, 0), linear]
    sizes = (pooled, width, width, shape.classes)
    for index, name in enumerate(("fc6", "fc7", "fc8")):
        inputs, outputs = sizes[index], sizes[index + 1]
        macs = inputs * outputs
        found.append(Layer(f"classifier.{3 * index}", "linear", name, inputs, outputs, 0, name, macs + outputs, macs))
        if name != "fc8":
            found.append(Layer(f"classifier.{3 * index + 1}", "relu", name, outputs, outputs, 0))
            found.append(Layer(f"classifier.{3 * index + 2}", "dropout", name, outputs, outputs, 0))
    return found


def first_stage(head: str, train_from: str) -> str:
    """The stage that training really starts at: a light head is one layer, so fc6 and fc7 mean fc8 there."""
    return "fc8" if head == "light" and train_from.startswith("fc") else train_from


def trained_stages(train_from: str) -> tuple[str, ...]:
    """The stages that learn when training starts at `train_from`."""
    return STAGES[STAGES.index(train_from) :]


def parameters(shape: Shape, train_from: str = "block1") -> int:
    """How many parameters learn (all by default)."""
    learning = trained_stages(train_from)
    return sum(layer.parameters for layer in layers(shape) if layer.stage in learning)


def last_layer(shape: Shape) -> str:
    """The key of the layer whose outputs are the classes."""
    return layers(shape)[-1].key


def macs(shape: Shape, image_size: int = 224) -> int:
    """Multiply-accumulates of one forward pass for one picture."""
    return sum(layer.macs for layer in layers(shape, image_size))


def title(variant: str) -> str:
    """The name that people use: `vgg16_bn` is VGG-16-BN."""
    base = variant.removesuffix("_bn").removeprefix("vgg")
    return f"VGG-{base}-BN" if variant.endswith("_bn") else f"VGG-{base}"
