"""The few lines of Python that use an exported network with plain torchvision, for exactly this network and its pictures."""

from __future__ import annotations

import json
import textwrap

from vgg_studio.core import vgg
from vgg_studio.core.preprocessing import Preprocessing

SIMPLE = (1, 3)  # channels; networks of 2 or 4 have no way in that is a few lines long


def loading_code(shape: vgg.Shape, preprocessing: Preprocessing, file: str) -> str:
    """A whole program that names `picture.jpg`; it stands in the folder of the exported files.

    Tests run it for every kind of network and hold its answers equal to ours.
    """
    lines = ["import json", "from pathlib import Path", "", "import torch", "import torchvision"]
    simple = preprocessing.channels in SIMPLE
    if simple:
        lines += ["from PIL import Image, ImageOps", "from torchvision import transforms"]
    lines += [
        "",
        *network(shape),
        f"weights = torch.load({json.dumps(file)}, weights_only=True)",
        "network.load_state_dict(weights)",
        "network.eval()",
    ]
    lines += ["", 'names = json.loads(Path("class_indices.json").read_bytes())']
    if not simple:
        return "\n".join([*lines, "# preprocessing.json tells how a picture becomes numbers"])
    lines += [
        *_preparation(preprocessing),
        "",
        *_opening(preprocessing.decoded_side),
        'picture = prepare(upright.convert("RGB"))',
    ]
    if preprocessing.mirror:
        lines += [
            "mirrored = torch.stack([picture, picture.flip(-1)])",
            "scores = network(mirrored).mean(0)  # the answer is the mean of both",
        ]
    else:
        lines.append("scores = network(picture.unsqueeze(0))[0]")
    lines.append("print(names[str(int(scores.argmax()))])")
    return "\n".join(lines)


def network(shape: vgg.Shape) -> list[str]:
    """Lines that build the network, without weights, as `network` with plain torchvision."""
    light = shape.head == "light"
    plain = shape.channels == 3 and shape.width_divisor == 1 and (light or not shape.slim_linear)
    if plain and shape.variant in vgg.TORCHVISIONS:
        spare = ", init_weights=False" if light else ""  # its classifier is replaced at once
        return [
            f"network = torchvision.models.{shape.variant}(num_classes={shape.classes}{spare})",
            *(_light_head(shape) if light else ()),
        ]
    return [*_slim_trunk(shape), *(_light_head(shape) if light else _slim_head(shape))]


def _light_head(shape: vgg.Shape) -> list[str]:
    last = vgg.layers(shape)[-1]
    return [
        f"network.avgpool = torch.nn.AdaptiveAvgPool2d(({shape.pooled_side}, {shape.pooled_side}))",
        "network.classifier = torch.nn.Sequential(",
        f"    torch.nn.Dropout(), torch.nn.Linear({last.inputs}, {last.outputs})",
        ")",
    ]


def _slim_trunk(shape: vgg.Shape) -> list[str]:
    plan = [str(channels) if kind == "conv" else '"M"' for kind, channels in _plan(shape)]
    lines = [
        "from torchvision.models.vgg import VGG, make_layers",
        "layers = make_layers([",
        *(f"    {line}" for line in textwrap.wrap(", ".join(plan) + ",", 60)),
        f"], batch_norm={shape.batch_norm})",
    ]
    lines += _odd_layers(shape)
    if shape.channels != 3:
        first = shape.blocks[0][1]
        lines.append(f"layers[0] = torch.nn.Conv2d({shape.channels}, {first}, 3, padding=1)")
    lines.append(f"network = VGG(layers, num_classes={shape.classes}, init_weights=False)")
    return lines


def _odd_layers(shape: vgg.Shape) -> list[str]:
    """What torchvision's `make_layers` does not know: 1 x 1 convolutions, and a normalisation between channels."""
    lines = []
    for layer in vgg.layers(shape):
        index = layer.key.removeprefix("features.")
        if layer.kernel == 1:
            lines.append(f"layers[{index}] = torch.nn.Conv2d({layer.inputs}, {layer.outputs}, 1)")
        elif layer.kind == "response_norm":
            numbers = f"alpha={vgg.NORM_ALPHA:g}, beta={vgg.NORM_BETA}, k={vgg.NORM_K}"
            lines.append(f"layers.insert({index}, torch.nn.LocalResponseNorm({vgg.NORM_CHANNELS}, {numbers}))")
    return lines


def _slim_head(shape: vgg.Shape) -> list[str]:
    return [
        f"network.classifier[{layer.key.removeprefix('classifier.')}] = torch.nn.Linear({layer.inputs}, {layer.outputs})"
        for layer in vgg.layers(shape)
        if layer.kind == "linear"
    ]


def _plan(shape: vgg.Shape) -> list[tuple[str, int]]:
    """Convolutions and poolings in order, as torchvision's `make_layers` wants them."""
    return [(layer.kind, layer.outputs) for layer in vgg.layers(shape) if layer.kind in ("conv", "pool")]


def scaling(preprocessing: Preprocessing) -> list[str]:
    """The transforms that make a picture a square of one or three channels."""
    side = preprocessing.image_size
    if preprocessing.resize == "square":
        steps = [f"transforms.Resize(({side}, {side}))"]
    else:
        steps = [f"transforms.Resize({preprocessing.shorter_side})", f"transforms.CenterCrop({side})"]
    return [*steps, "transforms.Grayscale()"] if preprocessing.channels == 1 else steps  # after scaling, as we do it


def _preparation(preprocessing: Preprocessing) -> list[str]:
    steps = [
        *scaling(preprocessing),
        "transforms.ToTensor()",
        f"transforms.Normalize({numbers(preprocessing.mean)}, {numbers(preprocessing.std)})",
    ]
    return ["prepare = transforms.Compose([", *(f"    {step}," for step in steps), "])"]


def _opening(side: int) -> list[str]:
    if not side:
        return ['upright = ImageOps.exif_transpose(Image.open("picture.jpg"))']
    return [
        'file = Image.open("picture.jpg")',
        f"file.draft(None, ({side}, {side}))  # a large JPEG is decoded at a fraction, as in training",
        "upright = ImageOps.exif_transpose(file)",
    ]


def numbers(values: tuple[float, ...]) -> str:
    """A tuple of numbers as code."""
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ("," if len(values) == 1 else "") + ")"
