"""How runs are called: by their number and the pictures they learned from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vgg_studio.app import places
from vgg_studio.core import wording
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder


def run_title(run: RunFolder) -> str:
    """`Run 4`; a run whose folder was given a name of its own is called by that."""
    folder = places.name(str(run.path))
    if hit := re.fullmatch(r".+-(\d+)", folder):
        return _("Run {number}").format(number=hit[1])
    return folder


def data_name(run: RunFolder) -> str:
    """The name of the folder of pictures that the run learned from."""
    return places.name(run.manifest.job.data) if run.manifest.job.data else ""


def on_same_data(runs: Iterable[RunFolder]) -> bool:
    """Whether all of the runs learned from the same folder, so that its name need not be said each time."""
    return len({run.manifest.job.data for run in runs}) <= 1


def network_name(run: RunFolder) -> str:
    """The run's network, and how slim it is."""
    return wording.network_title(run.manifest.job.variant, run.manifest.job.width_divisor)


def score_words(run: RunFolder) -> str:
    """The score in a few words: on new pictures where some were kept back, else on those that chose the best round."""
    scored = run.manifest.evaluation
    if scored is not None and scored.split == "test":
        return _("{score} on new pictures").format(score=wording.percent(scored.accuracy))
    if run.manifest.best_accuracy is not None:
        return _("{score} when checked").format(score=wording.percent(run.manifest.best_accuracy))
    return _("no score")
