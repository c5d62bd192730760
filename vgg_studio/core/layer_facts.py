"""A network as a table of facts: each layer with the shape that it gives for one picture. Read from core.vgg, without torch."""

from __future__ import annotations

from collections.abc import Sequence

from vgg_studio.core import vgg
from vgg_studio.core.inspect_events import FitFact, LayerFact, NetworkInspected, TensorFact


def layer_facts(shape: vgg.Shape, image_size: int = 224) -> list[LayerFact]:
    """Every layer in order, with the flattening and the softmax that have no weights and no key."""
    found: list[LayerFact] = []
    for layer in vgg.layers(shape, image_size):
        found.append(_fact(layer))
        if layer.kind == "average_pool":
            numbers = layer.outputs * layer.side**2
            found.append(LayerFact(key="", name="", kind="flatten", stage=layer.stage, shape=[numbers]))
    return [*found, LayerFact(key="", name="softmax", kind="softmax", stage="fc8", shape=[shape.classes])]


def _fact(layer: vgg.Layer) -> LayerFact:
    return LayerFact(
        key=layer.key,
        name=layer.name,
        kind=layer.kind,
        stage=layer.stage,
        shape=[layer.outputs, layer.side, layer.side] if layer.side else [layer.outputs],
        parameters=layer.parameters,
        macs=layer.macs,
        counts=layer.counts,
    )


def inspected(
    shape: vgg.Shape,
    image_size: int = 224,
    source: str = "variant",
    name: str = "",
    tensors: Sequence[TensorFact] = (),
    fits: Sequence[FitFact] = (),
) -> NetworkInspected:
    """All facts about a network for square pictures of `image_size` px."""
    return NetworkInspected(
        source=source,
        name=name or shape.variant,
        variant=shape.variant,
        classes=shape.classes,
        channels=shape.channels,
        image_size=image_size,
        parameters=vgg.parameters(shape),
        macs=vgg.macs(shape, image_size),
        layers=layer_facts(shape, image_size),
        tensors=list(tensors),
        fits=list(fits),
    )


def part_of(shape: vgg.Shape, first: str, last: str) -> list[str] | None:
    """The keys of the layers from `first` to `last`, both included; None where there is no such layer or nothing between.

    Each may be a key (features.0), the beginning of keys (features), the paper's name (conv1-1, fc6) or a stage (block2);
    "" is the beginning and the end.
    """
    layers = vgg.layers(shape)
    begin = 0 if not first else next((n for n, layer in enumerate(layers) if _is_called(layer, first)), None)
    end = (
        len(layers) - 1
        if not last
        else max((n for n, layer in enumerate(layers) if _is_called(layer, last)), default=None)
    )
    if begin is None or end is None or begin > end:
        return None
    return [layer.key for layer in layers[begin : end + 1]]


def _is_called(layer: vgg.Layer, name: str) -> bool:
    return name in (layer.key, layer.name, layer.stage, layer.key.partition(".")[0])
