"""Two more cards behind "Advanced": how pictures are varied and computed, and the finer points of learning."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Signal

from vgg_studio.app import train_job
from vgg_studio.app.advanced_settings import Fields, rate_words
from vgg_studio.app.fields import Amount, Choice, Number
from vgg_studio.app.widgets import Label, LinkButton, row
from vgg_studio.core import recipes
from vgg_studio.core.events import DeviceFact
from vgg_studio.core.jobs import CROPPING, TrainJob
from vgg_studio.core.language import N_, _

VARIATION_WORDS = {
    "none": N_("none"),
    "flip": N_("mirrored"),
    "flip_crop": N_("mirrored, cut"),
    "crop": N_("cut hard"),
    "crop_upside_down": N_("cut, turned"),
}
FEATURE_WORDS = {"auto": N_("automatic"), "none": N_("off")}
PRECISION_WORDS = {"auto": N_("automatic"), "fp32": N_("fp32"), "bf16": N_("bf16")}


class Share(Amount):
    """A number between 0 and 1 written as briefly as it can be, with a point in every language."""

    def __init__(self, low: float, high: float, decimals: int, step: float) -> None:
        super().__init__(low, high, decimals)
        self.setLocale(QLocale.c())
        self.setSingleStep(step)

    def textFromValue(self, value: float) -> str:
        return rate_words(value)


class PictureSettings(Fields):
    """How pictures are varied, and how the network computes on them. `preview_wanted`: show what that looks like."""

    preview_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._fact: DeviceFact | None = None
        self.title, self.preview = Label(role="strong"), LinkButton()
        self.box.addLayout(row(self.title, None, self.preview))
        self.preview.clicked.connect(self.preview_wanted)
        self.variation, self.mirror, self.features, self.precision = Choice(), Choice(), Choice(), Choice()
        self.views = Number(1, 64)
        for name in ("variation", "views", "mirror", "features", "precision"):
            self._add(name, getattr(self, name))
        self.variation.currentIndexChanged.connect(self._variation_changed)
        self.views.valueChanged.connect(self._views_changed)
        self.mirror.currentIndexChanged.connect(self._mirror_changed)
        self.features.currentIndexChanged.connect(self._features_changed)
        self.precision.currentIndexChanged.connect(self._precision_changed)

    def _show(self, job: TrainJob) -> None:
        self.variation.choose(job.variation)
        self.views.setValue(job.views)
        self.mirror.choose(job.mirror)
        self.features.choose(job.features)
        self._offer()
        self.precision.choose(job.precision)
        frozen = recipes.train_from(job) != "block1"
        self.fields["views"].set_visible(job.variation in CROPPING and frozen)
        self.fields["features"].set_visible(frozen)

    def show_device(self, fact: DeviceFact | None) -> None:
        """Offer the number formats that the machine computes in."""
        self._fact = fact
        self._offer()

    def _offer(self) -> None:
        offered = train_job.precisions(self._fact, self.job.device)
        self.precision.fill([(_(PRECISION_WORDS[name]), name) for name in offered])

    def retranslate(self) -> None:
        """Words anew."""
        self.title.setText(_("Pictures"))
        self.preview.setText(_("Show how…"))
        self.preview.setToolTip(_("Shows pictures of yours as training will see them."))
        self.variation.fill([(_(words), name) for name, words in VARIATION_WORDS.items()])
        self.mirror.fill([(_("off"), False), (_("on"), True)])
        self.features.fill([(_(words), name) for name, words in FEATURE_WORDS.items()])
        self._offer()
        self._name(
            {
                "variation": (
                    _("Variation"),
                    _(
                        "Pictures are shown mirrored, or cut differently each time, too. Cut hard shows as little as a twelfth"
                        " of a picture; turned shows half of them upside down."
                    ),
                ),
                "views": (_("Views"), _("In so many ways each picture is cut for the layers that stay as they are.")),
                "mirror": (_("Ask mirrored, too"), _("An answer is the mean over the picture as it is and mirrored.")),
                "features": (
                    _("Features kept"),
                    _(
                        "What the layers that stay make of each picture is kept on the disk, for this run and later ones."
                    ),
                ),
                "precision": (
                    _("Number format"),
                    _("How exactly numbers are kept while learning; automatic is what is fastest here without harm."),
                ),
            }
        )

    def _variation_changed(self) -> None:
        self._edit(variation=self.variation.currentData())

    def _views_changed(self, value: int) -> None:
        self._edit(views=value)

    def _mirror_changed(self) -> None:
        self._edit(mirror=self.mirror.currentData())

    def _features_changed(self) -> None:
        self._edit(features=self.features.currentData())

    def _precision_changed(self) -> None:
        self._edit(precision=self.precision.currentData())


class FinerSettings(Fields):
    """What helps a long training a little: each of it can be left off."""

    def __init__(self) -> None:
        super().__init__()
        self.title = Label(role="strong")
        self.box.addWidget(self.title)
        self.warmup = Number(0, 10_000)
        self.smoothing, self.ema = Share(0.0, 0.9, 2, 0.05), Share(0.0, 0.9999, 4, 0.01)
        self.decay = Share(0.01, 1.0, 2, 0.1)
        for name in ("warmup", "smoothing", "ema", "decay"):
            self._add(name, getattr(self, name))
        self.warmup.valueChanged.connect(self._warmup_changed)
        self.smoothing.valueChanged.connect(self._smoothing_changed)
        self.ema.valueChanged.connect(self._ema_changed)
        self.decay.valueChanged.connect(self._decay_changed)

    def _show(self, job: TrainJob) -> None:
        self.warmup.setValue(job.warmup)
        self.smoothing.setValue(job.label_smoothing)
        self.ema.setValue(job.ema)
        self.decay.setValue(job.layer_decay)
        self.fields["decay"].set_visible(not job.trains_last_layer)

    def retranslate(self) -> None:
        """Words anew."""
        self.title.setText(_("Finer points"))
        for field in (self.warmup, self.smoothing, self.ema):
            field.setSpecialValueText(_("off"))
        self._name(
            {
                "warmup": (_("Warm-up"), _("Rounds at the start in which the learning rate rises.")),
                "smoothing": (_("Label smoothing"), _("A share of doubt in every label, so that answers stay modest.")),
                "ema": (
                    _("Averaged weights"),
                    _("The network that is kept is a mean over its last steps: 0.99 of 100."),
                ),
                "decay": (
                    _("Rate by block"),
                    _("Each block further from the head learns at this share of the rate of the one behind it."),
                ),
            }
        )

    def _warmup_changed(self, value: int) -> None:
        self._edit(warmup=value)

    def _smoothing_changed(self, value: float) -> None:
        self._edit(label_smoothing=round(value, 2))

    def _ema_changed(self, value: float) -> None:
        self._edit(ema=round(value, 4))

    def _decay_changed(self, value: float) -> None:
        self._edit(layer_decay=round(value, 2))
