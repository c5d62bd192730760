"""The VGG networks as numbers: layers, stages, shapes, parameters, multiply-accumulates. No torch.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014), table 1
(columns A, A-LRN, B, C, D, E), with torchvision's layer order and key names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

Blocks = tuple[tuple[int, int], ...]  # (convolutions, channels) of each block

BLOCKS: dict[str, Blocks] = {
    "vgg11": ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)),
    "vgg13": ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512)),
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}
TORCHVISIONS: tuple[str, ...] = ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
A_LRN, C = "vgg11_lrn", "vgg16_c"
VARIANTS: tuple[str, ...] = (
    "vgg11", "vgg11_bn", A_LRN, "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", C, "vgg19", "vgg19_bn",
)  # fmt: skip
_MARKS = ("_bn", "_lrn", "_c")
STAGES: tuple[str, ...] = (
    "block1",
    "block2",
    "block3",
    "block4",
    "block5",
    "fc6",
    "fc7",
    "fc8",
)  # of the paper's networks
MOST_BLOCKS, MOST_CONVOLUTIONS, MOST_CHANNELS = 10, 8, 2048  # of own blocks; ten halve 1024 px to one
_ORDER = (*(f"block{number}" for number in range(1, MOST_BLOCKS + 1)), "fc6", "fc7", "fc8")
HEADS: tuple[str, ...] = ("classic", "light")  # three linear layers as in the paper; one on features pooled to 2 x 2
POOLED_SIDE, LIGHT_SIDE = 7, 2  # the adaptive average pool's output
LINEAR_WIDTH = 4096
# Local response normalisation as in AlexNet (Krizhevsky et al. 2012, section 3.3): x / (k + alpha * sum of squares over n
# neighbouring channels) ** beta with n = 5, k = 2, alpha = 1e-4, beta = 0.75. torch takes the mean of the squares where the
# paper takes their sum, so its alpha is n times as large.
NORM_CHANNELS, NORM_K, NORM_ALPHA, NORM_BETA = 5, 2.0, 5 * 1e-4, 0.75


@dataclass(frozen=True)
class Shape:
    """Everything that fixes a network's tensors. `variant` is one of VARIANTS, or names own blocks (see `own`)."""

    variant: str
    classes: int = 1000
    channels: int = 3
    width_divisor: int = 1
    slim_linear: bool = False
    head: str = "classic"

    @property
    def batch_norm(self) -> bool:
        """Whether each convolution is followed by batch normalisation."""
        return self.variant.partition(":")[0].endswith("_bn")

    @property
    def is_own(self) -> bool:
        """Whether the blocks are somebody's own and none of the paper's."""
        return ":" in self.variant

    @property
    def blocks(self) -> Blocks:
        """(convolutions, channels) of each block, channels already divided."""
        return tuple((n, c // self.width_divisor) for n, c in undivided(self.variant))

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
    kind: str  # conv, batch_norm, response_norm, relu, pool, average_pool, linear, dropout
    stage: str
    inputs: int
    outputs: int
    side: int
    name: str = ""  # conv1-1, pool5, fc6: the paper's way of counting
    parameters: int = 0
    macs: int = 0  # multiply-accumulates for one picture
    kernel: int = 0  # side of a convolution's kernel in px

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

    def add(kind: str, inputs: int, outputs: int, name: str = "", weights: int = 0, kernel: int = 0) -> None:
        key, biases = f"features.{len(found)}", outputs if weights else 0
        macs = weights * side * side if kernel else 0
        found.append(Layer(key, kind, stage, inputs, outputs, side, name, weights + biases, macs, kernel))

    inputs = shape.channels
    for block, (convolutions, outputs) in enumerate(shape.blocks, start=1):
        stage = f"block{block}"
        for number in range(1, convolutions + 1):
            kernel = 1 if shape.variant == C and number == 3 else 3
            add("conv", inputs, outputs, f"conv{block}-{number}", inputs * outputs * kernel**2, kernel)
            if shape.batch_norm:
                add("batch_norm", outputs, outputs, weights=outputs)
            add("relu", outputs, outputs, f"relu{block}-{number}")
            if shape.variant == A_LRN and len(found) == 2:  # behind the ReLU, as AlexNet has it
                add("response_norm", outputs, outputs)
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
    return _ORDER[_ORDER.index(train_from) :]


def stages(shape: Shape) -> tuple[str, ...]:
    """The network's stages in order: its blocks, then fc6, fc7, fc8."""
    return (*_ORDER[: len(undivided(shape.variant))], *_ORDER[MOST_BLOCKS:])


def blocks_to_head(shape: Shape, stage: str) -> int:
    """How many blocks a stage is away from the linear layers; 0 for those."""
    names = stages(shape)
    return max(0, names.index("fc6") - names.index(stage))


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
    """The name that people use: `vgg16_bn` is VGG-16-BN; own blocks are told as they are."""
    base, _, blocks = variant.partition(":")
    mark = next((mark for mark in _MARKS if base.endswith(mark)), "")
    number, mark = base.removesuffix(mark).removeprefix("vgg"), mark.replace("_", "-").upper()
    return f"VGG{mark} {blocks}" if blocks else f"VGG-{number}{mark}"


def nearest(variant: str) -> str:
    """The network with official weights that is most like this one."""
    return variant if variant in TORCHVISIONS else variant.removesuffix("_lrn").removesuffix("_c")


# --- own blocks


def own(variant: str, blocks: str) -> str:
    """The name of own blocks as a variant: `vgg_bn:1x64,2x128`, normalised or not as the variant is that they stand for."""
    if not blocks:
        return variant
    return ("vgg_bn:" if variant.endswith("_bn") else "vgg:") + blocks


@cache
def undivided(variant: str) -> Blocks:
    """(convolutions, channels) of each block at full width."""
    base, _, blocks = variant.partition(":")
    if blocks:
        return parsed(blocks)
    return BLOCKS[next((base.removesuffix(mark) for mark in _MARKS if base.endswith(mark)), base)]


def parsed(text: str) -> Blocks:
    """Blocks written as "1x64,1x128,2x256": convolutions times channels. Raises ValueError where that is not what is written."""
    found: list[tuple[int, int]] = []
    for part in text.lower().replace("\u00d7", "x").split(","):
        hit = re.fullmatch(r"\s*(\d{1,4})\s*x\s*(\d{1,6})\s*", part, re.ASCII)
        if not hit:
            raise ValueError(text)
        found.append((int(hit[1]), int(hit[2])))
    if len(found) > MOST_BLOCKS or not all(1 <= n <= MOST_CONVOLUTIONS and 1 <= c <= MOST_CHANNELS for n, c in found):
        raise ValueError(text)
    return tuple(found)


def written(blocks: Blocks) -> str:
    """Blocks as text, the one way to write them."""
    return ",".join(f"{convolutions}x{channels}" for convolutions, channels in blocks)


def named(variant: str, blocks: str) -> tuple[str, str]:
    """The same network with the shortest name: own blocks that are the paper's become its variant. Raises ValueError."""
    if not blocks:
        return variant, ""
    found = parsed(blocks)
    for name, usual in BLOCKS.items():
        if usual == found:
            return name + ("_bn" if variant.endswith("_bn") else ""), ""
    return variant, written(found)
