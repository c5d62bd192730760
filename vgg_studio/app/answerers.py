"""Who answers: the networks that a person can choose, and the row above the answers that chooses one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from vgg_studio import paths
from vgg_studio.app import places, run_words
from vgg_studio.app.fields import Choice
from vgg_studio.app.widgets import Label, plain_tip, row
from vgg_studio.core import vgg, wording
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


OFFICIAL = "official:vgg16"
OFFICIAL_MB = 528  # torchvision's file of VGG-16 with its classifier
FILE = "file"  # the entry that asks for a file
LEAST, MOST, EXTRA = 344, 480, 60  # px; the last is for padding and arrow


class Answerer(NamedTuple):
    """A network: its line in the choice and what a prediction's order calls it (run folder, file, official:…, FILE)."""

    title: str
    model: str


def finished(runs: list[RunFolder]) -> list[RunFolder]:
    """The runs that have ended with a network, newest first."""
    return [run for run in runs if run.manifest.outcome in run_words.ENDED_WELL and run.manifest.best_epoch]


def answerers(studio: Studio, file: str = "") -> list[Answerer]:
    """Every network that can answer now; `file` is a file of weights that was chosen, "" for none."""
    runs = finished(studio.runs)
    same = run_words.on_same_data(runs)
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
        "run": run_words.run_title(run),
        "data": run_words.data_name(run),
        "network": run_words.network_name(run),
        "score": run_words.score_words(run),
    }
    if same_data or not values["data"]:
        return _("{run}, {network}, {score}").format(**values)
    return _("{run} on {data}, {network}, {score}").format(**values)


def _official() -> str:
    network = vgg.title("vgg16")
    if official_is_here():
        return _("Official ImageNet weights, {network}, 1,000 names").format(network=network)
    return _("Official ImageNet weights, {network} ({size} MB to download)").format(network=network, size=OFFICIAL_MB)


class AnswererRow(QWidget):
    """Knows which networks there are and which one was chosen; keeps the choice between starts."""

    changed = Signal()  # another network was chosen by a person
    filled = Signal()  # the networks there are may be others

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._file = studio.settings.choice("weights_file")
        self._model = studio.settings.choice("answers_from")
        self._known: list[Answerer] = []
        self._best_epoch = 0  # of the training that runs, as the choice shows it
        self.label, self.choice = Label("", tone="muted"), Choice()
        self.hint = Label("", tone="muted", wrap=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        keeping = self.hint.sizePolicy()
        keeping.setRetainSizeWhenHidden(True)  # else the choice would go to the right edge
        self.hint.setSizePolicy(keeping)
        whole = row(self.label, self.choice, self.hint)
        whole.setStretch(2, 1)
        self.setLayout(whole)
        self.choice.activated.connect(self._activated)
        studio.runs_changed.connect(self.fill)
        studio.training_changed.connect(self.fill)
        studio.progress_changed.connect(self._training_moved)

    def model(self) -> str:
        """The network that answers, as an order calls it; "" where there is none."""
        known = [found.model for found in self._known]
        return self._model if self._model in known and self._model != FILE else first_choice(self._studio)

    def use(self, model: str) -> None:
        """Choose a network."""
        self._model = model
        self._studio.settings.choose("answers_from", model)
        self.fill()
        self.changed.emit()

    def follow_settings(self) -> None:
        """Another page may have chosen who answers, such as Results with the run that is looked at there."""
        wanted = self._studio.settings.choice("answers_from")
        if wanted and wanted != self._model:
            self.use(wanted)

    def choose_weights(self) -> None:
        """Ask for a file of weights and let it answer."""
        start = os.path.dirname(self._file) or os.path.expanduser("~")
        kinds = _("Weights ({patterns})").format(patterns="*.pth *.pt *.safetensors")
        file, _kind = QFileDialog.getOpenFileName(self, _("Choose a file of weights"), start, kinds)
        if file:
            self._file = file
            self._studio.settings.choose("weights_file", file)
            self.use(file)
        else:
            self.fill()

    def fill(self) -> None:
        """List the networks there are now."""
        self._best_epoch = self._studio.progress.best_epoch
        self._known = answerers(self._studio, self._file)
        self.choice.fill([(found.title, found.model) for found in self._known])
        self.choice.choose(self.model())
        shown = self.choice.currentText()
        self.choice.setToolTip(plain_tip(shown))
        needed = self.choice.fontMetrics().horizontalAdvance(shown) + EXTRA
        self.choice.setFixedWidth(min(MOST, max(LEAST, needed)))
        self.filled.emit()

    def retranslate(self) -> None:
        """Set every text anew."""
        self.label.setText(_("Answers from"))
        self.choice.setAccessibleName(_("Answers from"))
        self.hint.setText(_("Drop or paste pictures anywhere on this page"))
        self.fill()

    def _training_moved(self) -> None:
        if self._studio.progress.best_epoch != self._best_epoch:
            self.fill()

    def _activated(self, at: int) -> None:
        model = self.choice.itemData(at)
        if model == FILE:
            self.choose_weights()
        else:
            self.use(model)
