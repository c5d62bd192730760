"""Who answers: the networks that a person can choose on the Predict page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vgg_studio import paths
from vgg_studio.app import places, run_titles
from vgg_studio.core import vgg, wording
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

OFFICIAL = "official:vgg16"
OFFICIAL_MB = 528  # torchvision's file of VGG-16 with its classifier
FILE = "file"  # the entry that asks for a file
ENDED_WELL = ("finished", "finished_early")


class Answerer(NamedTuple):
    """A network: its line in the choice and what a prediction's order calls it (run folder, file, official:…, FILE)."""

    title: str
    model: str


def finished(runs: list[RunFolder]) -> list[RunFolder]:
    """The runs that have ended with a network, newest first."""
    return [run for run in runs if run.manifest.outcome in ENDED_WELL and run.manifest.best_epoch]


def answerers(studio: Studio, file: str = "") -> list[Answerer]:
    """Every network that can answer now; `file` is a file of weights that was chosen, "" for none."""
    runs = finished(studio.runs)
    same = run_titles.on_same_data(runs)
    found = [*_running(studio), *(Answerer(_title(run, same), str(run.path)) for run in runs)]
    if file:
        found.append(Answerer(_("Weights in {name}").format(name=places.name(file)), file))
    return [*found, Answerer(_official(), OFFICIAL), Answerer(_("A file of weights…"), FILE)]


def first_choice(studio: Studio) -> str:
    """The network that answers when nobody has chosen: the newest finished run, else the one that runs; "" for none."""
    own = [answerer.model for answerer in _running(studio)]
    return next((str(run.path) for run in finished(studio.runs)), next(iter(own), ""))


def official_is_here() -> bool:
    """Whether the official weights lie on this computer already, so that nothing needs to be downloaded."""
    return any(paths.weights_folder().glob("vgg16-*.pth"))


def _running(studio: Studio) -> list[Answerer]:
    best = studio.progress.best
    if not studio.training or best is None or not studio.progress.run:
        return []
    words = _("Training now, best so far: round {round} with {score}")
    return [Answerer(words.format(round=best.epoch, score=wording.percent(best.val_accuracy)), studio.progress.run)]


def _title(run: RunFolder, same_data: bool) -> str:
    values = {
        "run": run_titles.run_title(run),
        "data": run_titles.data_name(run),
        "network": run_titles.network_name(run),
        "score": run_titles.score_words(run),
    }
    if same_data or not values["data"]:
        return _("{run}, {network}, {score}").format(**values)
    return _("{run} on {data}, {network}, {score}").format(**values)


def _official() -> str:
    network = vgg.title("vgg16")
    if official_is_here():
        return _("Official ImageNet weights, {network}, 1,000 names").format(network=network)
    return _("Official ImageNet weights, {network} ({size} MB to download)").format(network=network, size=OFFICIAL_MB)
