"""Facts about a network or a file of weights, layer by layer and tensor by tensor."""

from __future__ import annotations

from vgg_studio.core.facts import BaseEvent, Record


class LayerFact(Record, frozen=True, kw_only=True):
    """One layer: `shape` is that of its output for one picture, `macs` are multiply-accumulates for one picture."""

    key: str
    name: str  # conv1-1, pool5, fc6: the paper's way of counting
    kind: str
    stage: str
    shape: list[int]
    parameters: int = 0
    macs: int = 0
    counts: bool = False  # one of those that give the network its number


class TensorFact(Record, frozen=True, kw_only=True):
    """One named tensor of a file of weights."""

    name: str
    shape: list[int]
    dtype: str
    bytes: int = 0
    finite: bool = True


class FitFact(Record, frozen=True, kw_only=True):
    """What of a file fits a variant: how many tensors agree in name and shape, are absent, or are of no use to it."""

    variant: str
    matching: int
    missing: int
    unused: int
    mismatched: int = 0


class NetworkInspected(BaseEvent, tag="network_inspected", frozen=True, kw_only=True):
    """A network layer by layer; for files and runs also their tensors and which variants they fit, best first."""

    source: str  # variant, file or run
    name: str
    variant: str
    classes: int
    channels: int
    image_size: int
    parameters: int
    macs: int
    layers: list[LayerFact]
    tensors: list[TensorFact] = []
    fits: list[FitFact] = []
