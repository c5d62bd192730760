"""What a network is made of, as lines of text."""

from __future__ import annotations

from vgg_studio.cli.columns import aligned
from vgg_studio.core import layer_words as words, vgg
from vgg_studio.core.events import NetworkInspected
from vgg_studio.core.language import _, ngettext


def lines(event: NetworkInspected) -> list[str]:
    """The layers with their sums; for a file or a run also its tensors and the networks that they fit."""
    told: list[str] = []
    if event.layers:
        what = ngettext(
            "{network} for {count} class, input {channels} x {side} x {side}:",
            "{network} for {count} classes, input {channels} x {side} x {side}:",
            event.classes,
        )
        title = vgg.title(event.variant)
        told.append(what.format(network=title, count=event.classes, channels=event.channels, side=event.image_size))
        told += aligned([words.layer_head(), *words.layer_cells(event.layers)], left=5)
        told += ["", words.totals(event)]
    if not event.tensors:
        return told
    told += ["", _("Tensors of {name}:").format(name=event.name)]
    told += aligned([words.tensor_head(), *words.tensor_cells(event.tensors)], left=3)
    if odd := words.odd_numbers(event):
        told.append(odd)
    told += ["", words.best_fit(event)]
    fitting = [fit for fit in event.fits if fit.matching]
    return told + (aligned([words.fit_head(), *words.fit_cells(fitting)]) if fitting else [])
