"""What most people never open: two cards with what the first one leaves out; two more are in finer_settings.py."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit, QWidget

from vgg_studio.app import theme, train_job
from vgg_studio.app.fields import Amount, Choice, Number
from vgg_studio.app.form_rows import Field
from vgg_studio.app.widgets import Card, Label
from vgg_studio.core import recipes, vgg
from vgg_studio.core.errors import UsageError
from vgg_studio.core.jobs import INITIALS, NORMALISATIONS, OPTIMIZERS, SCHEDULES, TrainJob
from vgg_studio.core.language import N_, _, ngettext

OPTIMIZER_WORDS = {"sgd": N_("SGD"), "adam": N_("Adam"), "adamw": N_("AdamW"), "lbfgs": N_("L-BFGS")}
SCHEDULE_WORDS = {"none": N_("not at all"), "step": N_("in steps"), "cosine": N_("smoothly")}
NORMALISATION_WORDS = {"half": N_("the usual"), "data": N_("of these pictures"), "imagenet": N_("of ImageNet")}
INITIAL_WORDS = {"auto": N_("automatic"), "xavier": N_("Xavier"), "kaiming": N_("Kaiming"), "paper": N_("the paper's")}
WIDTHS = (1, 2, 4, 8, 16)
MOST_LETTERS = 120  # of a list of blocks
FIELD_WIDTH = 136  # px: enough for words


class Rate(Amount):
    """A learning rate: from a millionth to ten, written as briefly as it can be, with a point in every language."""

    def __init__(self) -> None:
        super().__init__(1e-6, 10.0, 6)
        self.setLocale(QLocale.c())
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        return rate_words(value)


class Fields(Card):
    """A card of named fields that edit a job. `edited` carries the new job."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__(padding=15, spacing=12)
        self.job = TrainJob()
        self.fields: dict[str, Field] = {}
        self._showing = False

    def show_job(self, job: TrainJob) -> None:
        """Show a job's values; nothing is edited by that, not even where a field rounds them."""
        self.job, self._showing = job, True
        self._show(job)
        self._showing = False

    def _show(self, job: TrainJob) -> None:
        raise NotImplementedError

    def retranslate(self) -> None:
        """Words anew."""
        raise NotImplementedError

    def _add(self, name: str, widget: QWidget) -> None:
        widget.setFixedWidth(FIELD_WIDTH)
        self.fields[name] = Field(widget)
        self.box.addLayout(self.fields[name].row)

    def _name(self, words: dict[str, tuple[str, str]]) -> None:
        for name, (title, hint) in words.items():
            self.fields[name].set_words(title, hint)

    def _edit(self, **changes: object) -> None:
        self._take(msgspec.structs.replace(self.job, **changes))

    def _take(self, job: TrainJob) -> None:
        if job != self.job and not self._showing:
            self.edited.emit(job)

    def set_locked(self, locked: bool) -> None:
        """Fields that cannot be changed while a training runs."""
        for field in self.fields.values():
            field.widget.setEnabled(not locked)


class AdvancedSettings(Fields):
    """How the network learns: seven settings that have good values already."""

    def __init__(self) -> None:
        super().__init__()
        self.batch, self.rate = Number(1, 4096), Rate()
        self.optimizer, self.schedule = Choice(), Choice()
        self.side, self.patience, self.seed = Number(32, 1024), Number(0, 10_000), Number(0, 2_000_000_000)
        self.side.setSingleStep(32)
        for name in ("batch", "rate", "optimizer", "schedule", "side", "patience", "seed"):
            self._add(name, getattr(self, name))
        self._connect()

    def _connect(self) -> None:
        self.batch.valueChanged.connect(self._batch_changed)
        self.rate.valueChanged.connect(self._rate_changed)
        self.optimizer.currentIndexChanged.connect(self._optimizer_changed)
        self.schedule.currentIndexChanged.connect(self._schedule_changed)
        self.side.valueChanged.connect(self._side_changed)
        self.patience.valueChanged.connect(self._patience_changed)
        self.seed.valueChanged.connect(self._seed_changed)

    def _show(self, job: TrainJob) -> None:
        self.batch.setValue(job.batch_size)
        self.rate.setValue(recipes.learning_rate(job))
        self._offer(job.trains_last_layer)
        self.optimizer.choose(job.optimizer)
        self.schedule.choose(job.schedule)
        self.side.setMinimum(max(32, 2 ** len(job.shape(2).blocks)))  # each block halves the picture
        self.side.setValue(job.image_size)
        self.patience.setValue(job.patience)
        self.seed.setValue(job.seed)
        for name in (
            "batch",
            "rate",
            "schedule",
        ):  # L-BFGS takes all pictures, and finds the length of its steps itself
            self.fields[name].set_visible(job.optimizer != "lbfgs")
        self.fields["side"].set_visible(not job.parent)  # it is that of the run before

    def retranslate(self) -> None:
        """Words anew."""
        self._offer(self.job.trains_last_layer)
        self.schedule.fill([(_(SCHEDULE_WORDS[name]), name) for name in SCHEDULES])
        self.side.setSuffix(_(" px"))
        self.patience.setSpecialValueText(_("off"))
        words = {
            "batch": (_("Batch"), _("How many pictures are looked at between two small corrections.")),
            "rate": (_("Learning rate"), _("How large each correction is. Too large and it never settles.")),
            "optimizer": (_("Optimizer"), _("The rule by which corrections are made.")),
            "schedule": (_("Rate falls"), _("How corrections get smaller towards the end.")),
            "side": (_("Picture size"), _("Every picture is scaled to a square of this side.")),
            "patience": (_("Patience"), _("Stop early after this many rounds without progress.")),
            "seed": (_("Seed"), _("The same seed gives the same split and the same chances.")),
        }
        self._name(words)

    def _offer(self, last_layer_alone: bool) -> None:
        """L-BFGS takes all pictures at once, which only features of a frozen network allow."""
        names = [name for name in OPTIMIZERS if last_layer_alone or name != "lbfgs"]
        self.optimizer.fill([(_(OPTIMIZER_WORDS[name]), name) for name in names])

    def _batch_changed(self, value: int) -> None:
        self._edit(batch_size=value)

    def _rate_changed(self, value: float) -> None:
        self._take(train_job.with_rate(self.job, value))

    def _optimizer_changed(self) -> None:
        self._take(train_job.with_optimizer(self.job, self.optimizer.currentData()))

    def _schedule_changed(self) -> None:
        self._edit(schedule=self.schedule.currentData())

    def _side_changed(self, value: int) -> None:
        self._edit(image_size=value)

    def _patience_changed(self, value: int) -> None:
        self._edit(patience=value)

    def _seed_changed(self, value: int) -> None:
        self._edit(seed=value)


class ScratchSettings(Fields):
    """What only a network from scratch can choose."""

    def __init__(self) -> None:
        super().__init__()
        self.title = Label(role="strong")
        self.box.addWidget(self.title)
        self.width_choice, self.classifier, self.normalisation = Choice(), Choice(), Choice()
        self.initial, self.colours = Choice(), Choice()
        self.blocks, self.refusal = QLineEdit(), Label(tone="bad", wrap=True)
        for name, choice in (
            ("width", self.width_choice),
            ("classifier", self.classifier),
            ("colours", self.colours),
            ("normalisation", self.normalisation),
            ("initial", self.initial),
        ):
            self._add(name, choice)
        self._add_blocks()
        self.width_choice.currentIndexChanged.connect(self._width_changed)
        self.classifier.currentIndexChanged.connect(self._classifier_changed)
        self.normalisation.currentIndexChanged.connect(self._normalisation_changed)
        self.initial.currentIndexChanged.connect(self._initial_changed)
        self.colours.currentIndexChanged.connect(self._colours_changed)
        self.blocks.editingFinished.connect(self._blocks_changed)

    def _add_blocks(self) -> None:
        self.blocks.setFixedHeight(theme.CONTROL_HEIGHT)
        self.blocks.setMaxLength(MOST_LETTERS)
        self.fields["blocks"] = Field(self.blocks, above=True)
        self.box.addLayout(self.fields["blocks"].row)
        self.box.addWidget(self.refusal)
        self.refusal.hide()

    def _show(self, job: TrainJob) -> None:
        self._offer_widths()
        self.initial.choose(job.initial)
        self._offer_colours()
        self.blocks.setText(job.blocks)
        self.refusal.hide()
        self.width_choice.choose(job.width_divisor)
        self.classifier.choose(job.slim_linear)
        self.normalisation.choose(job.normalisation)
        self.fields["classifier"].set_visible(job.width_divisor > 1)

    def retranslate(self) -> None:
        """Words anew."""
        self.title.setText(_("From scratch"))
        self._offer_widths()
        self._offer_colours()
        self.classifier.fill([(_("full"), False), (_("slim too"), True)])
        self.normalisation.fill([(_(NORMALISATION_WORDS[name]), name) for name in NORMALISATIONS])
        self.initial.fill([(_(INITIAL_WORDS[name]), name) for name in INITIALS])
        self.blocks.setPlaceholderText(_("those of the network"))
        words = {
            "width": (_("Width"), _("A slim network has fewer filters in each layer: it is smaller and much faster.")),
            "classifier": (_("Classifier"), _("Whether the last three layers are slim as well.")),
            "colours": (_("Colours"), _("Grey pictures need one channel only, which is faster.")),
            "normalisation": (_("Brightness scale"), _("What brightness and contrast are measured against.")),
            "initial": (_("First weights"), _("The rule by which weights are drawn before anything is learned.")),
            "blocks": (_("Own blocks"), _("Convolutions times channels of each block, such as 1x64,1x128,2x256.")),
        }
        self._name(words)

    def _offer_colours(self) -> None:
        """Red, green and blue, or grey alone; another number of channels only where a recipe or a run has it."""
        found: list[tuple[str, object]] = [(_("colour"), 3), (_("grey"), 1)]
        if self.job.channels in (2, 4):
            words = ngettext("{count} channel", "{count} channels", self.job.channels)
            found.append((words.format(count=self.job.channels), self.job.channels))
        self.colours.fill(found)
        self.colours.choose(self.job.channels)

    def _colours_changed(self) -> None:
        self._edit(channels=self.colours.currentData())

    def _offer_widths(self) -> None:
        """As slim as leaves a filter to each layer."""
        fewest = min(channels for _many, channels in vgg.undivided(self.job.shape(2).variant))
        words = _("1/{divisor}")
        found: list[tuple[str, object]] = [(words.format(divisor=width), width) for width in WIDTHS if width <= fewest]
        self.width_choice.fill([(_("full"), 1), *found[1:]])

    def _width_changed(self) -> None:
        self._take(train_job.with_width(self.job, self.width_choice.currentData()))

    def _classifier_changed(self) -> None:
        self._edit(slim_linear=self.classifier.currentData())

    def _initial_changed(self) -> None:
        self._edit(initial=self.initial.currentData())

    def _blocks_changed(self) -> None:
        """What cannot be built is told below the field, and changes nothing."""
        if self._showing or self.blocks.text().strip() == self.job.blocks:
            self.refusal.hide()
            return
        try:
            job = train_job.with_blocks(self.job, self.blocks.text().strip())
        except UsageError as error:
            self.refusal.setText(str(error))
            self.refusal.show()
        else:
            self.refusal.hide()
            self._take(job)

    def _normalisation_changed(self) -> None:
        self._edit(normalisation=self.normalisation.currentData())


def rate_words(rate: float) -> str:
    """A learning rate without needless zeros."""
    return f"{rate:.6f}".rstrip("0").rstrip(".")


def summary(job: TrainJob) -> str:
    """The advanced settings in a few words."""
    if job.optimizer == "lbfgs":
        return _("L-BFGS, no batches")
    return _("batch {batch}, rate {rate}").format(batch=job.batch_size, rate=rate_words(recipes.learning_rate(job)))
