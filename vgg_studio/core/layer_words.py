"""Sentences and table cells on what a network is made of, the same in window and command line."""

from __future__ import annotations

from collections.abc import Sequence

from vgg_studio.core import vgg
from vgg_studio.core.inspect_events import FitFact, LayerFact, NetworkInspected, TensorFact
from vgg_studio.core.language import N_, _, ngettext
from vgg_studio.core.speed_words import bytes_words
from vgg_studio.core.wording import number

KINDS: dict[str, str] = {
    "conv": N_("convolution"),
    "batch_norm": N_("batch normalisation"),
    "response_norm": N_("local response normalisation"),
    "relu": N_("ReLU"),
    "pool": N_("maximum of 2 x 2"),
    "average_pool": N_("average pool"),
    "flatten": N_("flatten"),
    "linear": N_("linear"),
    "dropout": N_("dropout"),
    "softmax": N_("softmax"),
}


def by(sides: Sequence[int]) -> str:
    """`64 x 112 x 112`; a single number is shown as 1."""
    return " x ".join(str(side) for side in sides) or "1"


def layer_head() -> list[str]:
    """The columns of the table of layers."""
    return ["#", _("Layer"), _("Kind"), _("Key"), _("Output"), _("Parameters"), _("Million MACs")]


def layer_cells(layers: Sequence[LayerFact]) -> list[list[str]]:
    """One row a layer; those that give the network its number are counted in the first column."""
    rows, counted = [], 0
    for layer in layers:
        counted += layer.counts
        rows.append(
            [
                str(counted) if layer.counts else "",
                layer.name,
                _(KINDS.get(layer.kind, layer.kind)),
                layer.key,
                by(layer.shape),
                number(layer.parameters) if layer.parameters else "",
                f"{layer.macs / 1e6:,.1f}" if layer.macs else "",
            ]
        )
    return rows


def tensor_head() -> list[str]:
    """The columns of the table of tensors."""
    return [_("Name"), _("Shape"), _("Numbers"), _("Size"), _("Finite")]


def tensor_cells(tensors: Sequence[TensorFact]) -> list[list[str]]:
    """One row a tensor."""
    return [
        [fact.name, by(fact.shape), fact.dtype, size_words(fact.bytes), _("yes") if fact.finite else _("no")]
        for fact in tensors
    ]


def size_words(count: int) -> str:
    """Bytes where they are few, else kB or MB."""
    if count < 1000:
        return _("{count} B").format(count=count)
    return _("{count} kB").format(count=round(count / 1e3)) if count < 1e6 else bytes_words(count)


def fit_head() -> list[str]:
    """The columns of the table of networks that a file fits."""
    return [_("Network"), _("Fitting"), _("Missing"), _("Differing"), _("Unused")]


def fit_cells(fits: Sequence[FitFact]) -> list[list[str]]:
    """One row a network."""
    return [
        [vgg.title(fit.variant), *map(str, (fit.matching, fit.missing, fit.mismatched, fit.unused))] for fit in fits
    ]


def totals(event: NetworkInspected) -> str:
    """What the network is, in one sentence. A multiply-accumulate is two floating-point operations."""
    counted = sum(layer.counts for layer in event.layers)
    layers = ngettext("{count} layer counts", "{count} layers count", counted).format(count=counted)
    return _("{layers}; {parameters} parameters ({size}); {work} FLOPs for a picture of {side} px.").format(
        layers=layers,
        parameters=number(event.parameters),
        size=bytes_words(4 * event.parameters),
        work=_work(2 * event.macs),
        side=event.image_size,
    )


def _work(flops: int) -> str:
    if flops < 1e9:
        return _("{count} million").format(count=f"{flops / 1e6:.1f}")
    return _("{count} billion").format(count=f"{flops / 1e9:.1f}")


def best_fit(event: NetworkInspected) -> str:
    """Which network the tensors of a file or a run belong to, in one sentence."""
    best = event.fits[0] if event.fits else None
    if best is None or not best.matching:
        return _("It fits none of the VGG networks.")
    name = vgg.title(best.variant)
    tensors = ngettext("{count} tensor", "{count} tensors", best.matching).format(count=best.matching)
    if not (best.missing or best.unused or best.mismatched):
        return _("It fits {network} as a whole: {tensors}.").format(network=name, tensors=tensors)
    if not (best.unused or best.mismatched):
        return _("It fits {network} in part: {tensors}, {missing} are missing.").format(
            network=name, tensors=tensors, missing=best.missing
        )
    return _("It is nearest to {network}: {tensors} fit, {missing} are missing, {others} are of no use to it.").format(
        network=name, tensors=tensors, missing=best.missing, others=best.unused + best.mismatched
    )


def odd_numbers(event: NetworkInspected) -> str:
    """How many tensors hold numbers that are none; nothing where all are finite."""
    odd = sum(not fact.finite for fact in event.tensors)
    if not odd:
        return ""
    return ngettext(
        "{count} tensor holds numbers that are not finite.", "{count} tensors hold numbers that are not finite.", odd
    ).format(count=odd)
