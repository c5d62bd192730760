"""The first card behind "Advanced": a recipe to begin with, and what the settings have otherwise."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vgg_studio.app.advanced_settings import Fields
from vgg_studio.app.fields import Choice
from vgg_studio.app.form_rows import Field
from vgg_studio.app.widgets import Label, plain_tip
from vgg_studio.core import recipe_words, tutorials
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _


class RecipeCard(Fields):
    """Chooses a recipe's settings. `proposed` makes the automatic ones of the job that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.proposed: Callable[[TrainJob], TrainJob] = _same
        self.choice = Choice()
        self.fields["recipe"] = Field(self.choice, above=True)
        self.about, self.differs = Label(tone="muted", wrap=True), Label(wrap=True)
        self.box.addLayout(self.fields["recipe"].row)
        self.box.addWidget(self.about)
        self.box.addWidget(self.differs)
        self.choice.currentIndexChanged.connect(self._chosen)

    def _show(self, job: TrainJob) -> None:
        key = job.recipe if job.recipe in tutorials.TRAINABLE else tutorials.AUTO
        self.choice.choose(key)
        self.choice.setToolTip(plain_tip(self.choice.currentText()))
        recipe = tutorials.RECIPES[key]
        self.about.setText(_(recipe.sentence))
        self.about.setToolTip(plain_tip(" ".join(_(note) for note in recipe.notes)))
        named = msgspec.structs.replace(job, recipe=key)
        told = "" if job.parent else recipe_words.differing(named, self.proposed(job))
        self.differs.setText(told)
        self.differs.setVisible(bool(told))

    def retranslate(self) -> None:
        """Words anew."""
        titles = [(_(tutorials.RECIPES[key].title), key) for key in tutorials.TRAINABLE]
        self.choice.fill(list(titles))
        self._name({"recipe": (_("Recipe"), _("Settings to begin with. Each can be changed."))})

    def _chosen(self) -> None:
        job = self.job
        self._take(tutorials.begun(job, self.choice.currentData(), self.proposed(job)))


def _same(job: TrainJob) -> TrainJob:
    return job
