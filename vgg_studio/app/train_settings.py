"""The first card of a training's settings: network, start, how much of it learns, rounds, device."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from vgg_studio.app import theme, train_job
from vgg_studio.app.advanced_settings import summary
from vgg_studio.app.fields import Choice, MenuButton, Number
from vgg_studio.app.form_rows import DeviceRow, Field
from vgg_studio.app.network_strip import NetworkStrip, sentence
from vgg_studio.app.run_words import title_of
from vgg_studio.app.widgets import Card, Divider, Elided, Label, LinkButton, Sign, plain_tip, row
from vgg_studio.core import recipes, vgg, wording
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _

CHOOSE_FILE = "choose-a-file"  # the entry that asks for a file; never a job's weights
PARENT = "the-run-before"  # the entry of the run that this one goes on from; never a job's weights
HEAD_WIDTH = 168  # px: "Classic, 1,234 MB"


class TrainSettings(Card):
    """Shows a job; `edited` carries the job that an edit makes of it. The page decides what becomes of that."""

    edited = Signal(object)
    weights_wanted = Signal(str)  # none, official, official-features, or a file's path
    unfolded = Signal(bool)
    inside_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(padding=0, spacing=0)
        self.job, self._classes = TrainJob(), 0
        self.locked = self._dense = False
        self._fact: DeviceFact | None = None
        self.title = Label(role="strong")
        self.lock_sign, self.lock_words = Sign("lock", "muted", 16), Label(tone="muted", wrap=True)
        self.network, self.weights, self.stage, self.head = Choice(), Choice(), Choice(), Choice()
        self.strip, self.layers, self.inside = NetworkStrip(), Label(tone="muted", wrap=True), LinkButton()
        self.advice = Label(tone="warn", wrap=True)
        self.rounds = Number(1, 10_000)
        self.device = DeviceRow()
        self.advanced, self.summed = MenuButton(expands=True), Elided(tone="muted")
        self.advanced.setFont(theme.font("strong"))
        self.summed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._fields = [Field(self.network, above=True), Field(self.weights, above=True), Field(self.stage, above=True)]
        self._head_field, self._rounds_field = Field(self.head), Field(self.rounds)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(15, 15, 15, 16)
        heading = row(self.title, None, self.lock_sign, self.lock_words)
        for part in (heading, *(field.row for field in self._fields)):
            self._rows.addLayout(part)
        strip = QVBoxLayout()
        strip.setSpacing(8)
        told = row(self.layers, self.inside, spacing=8)
        told.setStretch(0, 1)
        told.setAlignment(self.inside, Qt.AlignmentFlag.AlignTop)
        strip.addWidget(self.strip)
        strip.addLayout(told)
        strip.addWidget(self.advice)
        self._rows.addLayout(strip)
        self.head.setFixedWidth(HEAD_WIDTH)
        self._rows.addLayout(self._head_field.row)
        self._rows.addLayout(self._rounds_field.row)
        self._rows.addWidget(self.device)
        self.box.addLayout(self._rows)
        self.box.addStretch(1)
        self.box.addWidget(Divider())
        foot = row(self.advanced, self.summed, spacing=8, margins=(3, 6, 15, 6))
        foot.setStretch(1, 1)
        self.box.addLayout(foot)
        self.set_dense(False)

    def _connect(self) -> None:
        self.network.currentIndexChanged.connect(self._network_chosen)
        self.weights.activated.connect(self._weights_chosen)
        self.stage.currentIndexChanged.connect(self._stage_chosen)
        self.head.currentIndexChanged.connect(self._head_chosen)
        self.rounds.valueChanged.connect(self._rounds_chosen)
        self.device.chosen.connect(self._device_chosen)
        self.advanced.toggled.connect(self.unfolded)
        for button in (self.strip, self.inside):
            button.clicked.connect(self.inside_wanted)

    def set_dense(self, dense: bool) -> None:
        """Less air between the fields, for low windows; least where the ways to end a run have to be seen, too."""
        self._dense = dense
        tight = dense and self.locked
        self._rows.setSpacing(8 if tight else 12 if dense else 16)
        self.device.set_tight(tight)

    def set_locked(self, locked: bool) -> None:
        """While a training runs its settings can be read, not changed."""
        self.locked = locked
        for widget in (self.lock_sign, self.lock_words):
            widget.setVisible(locked)
        for field in (self.weights, self.rounds, self.device.choice):
            field.setEnabled(not locked)
        self.rounds.lineEdit().deselect()  # what was typed last is no longer about to be replaced
        self._enable()
        self.set_dense(self._dense)

    def _enable(self) -> None:
        """From scratch everything learns; what goes on from a run keeps that run's network."""
        for field in (self.network, self.head):
            field.setEnabled(not self.locked and not self.job.parent)
        self.stage.setEnabled(not self.locked and not self._from_scratch())

    def _from_scratch(self) -> bool:
        return self.job.weights == "none" and not self.job.parent

    def show_job(self, job: TrainJob, classes: int) -> None:
        """Show a job's values; `classes` is how many answers its network gives."""
        self.job, self._classes = job, classes
        self._fill()
        self.rounds.setValue(job.epochs)
        shape, stage = train_job.shape(job, classes), recipes.train_from(job)
        self.strip.show_network(shape, stage)
        self.layers.setText(sentence(shape, stage))
        self.show_device(self._fact)
        self._enable()
        self.summed.setText(summary(job))
        self._advise(stage)

    def show_device(self, fact: DeviceFact | None) -> None:
        """What the machine has, and what of it the job asks for."""
        self._fact = fact
        self.device.show_device(fact, train_job.devices(fact), self.job.device)

    def retranslate(self) -> None:
        """Words anew."""
        self.title.setText(_("Settings"))
        self.inside.setText(_("Look inside"))
        self.strip.setToolTip(_("Look inside"))
        self.lock_words.setText(_("fixed while training"))
        for field, name in zip(self._fields, (_("Network"), _("Start from"), _("How much to train")), strict=True):
            field.set_words(name)
        self._head_field.set_words(
            _("Head"),
            _("What turns features into names: three layers as in the paper, or one that is ten times smaller."),
        )
        self._rounds_field.set_words(_("Rounds"), _("One round is every picture to learn from, once."))
        self.advanced.set_words(_("Advanced"))

    def _fill(self) -> None:
        """Entries and chosen values, without a signal: only a person's choice is an edit."""
        job = self.job
        networks = [(wording.network_title(variant, job.width_divisor), variant) for variant in train_job.variants(job)]
        starts = [(_("From scratch"), "none"), (_("Official ImageNet weights"), "official")]
        starts.append((_("Official convolutions alone"), "official-features"))
        if train_job.is_file(job.weights):
            starts.append((wording.weights_title(job.weights), job.weights))
        starts.append((_("A file of weights…"), CHOOSE_FILE))
        if job.parent:
            starts.insert(0, (_("{run}, its best network").format(run=title_of(job.parent)), PARENT))
        for choice, items, value in (
            (self.network, networks, vgg.own(job.variant, job.blocks)),
            (self.weights, starts, PARENT if job.parent else job.weights),
            (self.stage, self._stages(), recipes.train_from(job)),
            (self.head, self._heads(), job.head),
        ):
            choice.fill(list(items))
            blocked = choice.blockSignals(True)
            choice.choose(value)
            choice.blockSignals(blocked)
            choice.setToolTip(plain_tip(choice.currentText()))

    def _stages(self) -> list[tuple[str, str]]:
        """From little to everything, as far as there is a difference: a light head is one layer."""
        shape = train_job.shape(self.job)
        stages = ("block1",) if self._from_scratch() else tuple(reversed(vgg.stages(shape)))
        return [
            (wording.stage_title(stage, len(shape.blocks)), stage)
            for stage in stages
            if self.job.head == "classic" or stage not in ("fc6", "fc7")
        ]

    def _heads(self) -> list[tuple[str, str]]:
        words = {"classic": _("Classic, {count} MB"), "light": _("Light, {count} MB")}
        sizes = {head: msgspec.structs.replace(self.job, head=head, optimizer="sgd") for head in vgg.HEADS}
        return [
            (words[head].format(count=wording.number(train_job.file_megabytes(job, self._classes))), head)
            for head, job in sizes.items()
        ]

    def _advise(self, stage: str) -> None:
        """Convolutions alone leave a classic classifier random: training only its end would build on noise."""
        bare = self.job.weights == "official-features" and self.job.head == "classic" and not self.job.parent
        self.show_advice(bare and stage in ("fc7", "fc8"))

    def show_advice(self, wanted: bool) -> None:
        """Say, or stop saying, that the weights have no classifier."""
        self.advice.setText(
            _("These weights have no classifier: what stays of it is random. “{stage}” is the better choice.").format(
                stage=wording.stage_title("fc6")
            )
        )
        self.advice.setVisible(wanted)

    def _network_chosen(self) -> None:
        self.edited.emit(train_job.with_network(self.job, self.network.currentData()))

    def _stage_chosen(self) -> None:
        self.edited.emit(train_job.with_stage(self.job, self.stage.currentData()))

    def _head_chosen(self) -> None:
        self.edited.emit(train_job.with_head(self.job, self.head.currentData()))

    def _device_chosen(self, name: str) -> None:
        self.edited.emit(msgspec.structs.replace(self.job, device=name))

    def _rounds_chosen(self, value: int) -> None:
        if value != self.job.epochs:
            self.edited.emit(train_job.with_rounds(self.job, value))

    def _weights_chosen(self) -> None:
        chosen = self.weights.currentData()
        if chosen == CHOOSE_FILE:
            self.weights.choose(PARENT if self.job.parent else self.job.weights)
            self._ask_for_file()
        elif chosen != PARENT and (self.job.parent or chosen != self.job.weights):
            self.weights_wanted.emit(chosen)

    def _ask_for_file(self) -> None:
        dialog = weights_dialog(self)
        dialog.fileSelected.connect(self.weights_wanted)
        dialog.open()


def weights_dialog(parent: QWidget) -> QFileDialog:
    """Asks for a file of weights; it deletes itself when it is closed."""
    dialog = QFileDialog(parent, _("Choose a file of weights"))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilters([_("Weights") + " (*.pth *.pt *.safetensors)", _("All files") + " (*)"])
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return dialog
