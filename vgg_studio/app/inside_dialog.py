"""Look inside: the blocks of the chosen network as a picture, its layers as a table, and what a file of weights holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedLayout, QWidget

from vgg_studio.app import train_job
from vgg_studio.app.dialogs import Dialog
from vgg_studio.app.fields import Segments
from vgg_studio.app.inside_blocks import BlocksPicture
from vgg_studio.app.inside_file import WeightsView
from vgg_studio.app.inside_table import InsideTable
from vgg_studio.app.network_strip import sentence
from vgg_studio.app.widgets import Card, Label, PlainButton, column, row
from vgg_studio.core import layer_words, recipes, wording
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.language import _
from vgg_studio.core.layer_facts import inspected

if TYPE_CHECKING:
    from vgg_studio.app.engines import Engines

WIDEST, HIGHEST = 1120, 800  # px
EDGE = 64  # px that stay free of the window around it
NUMBERS = (0, 5, 6)  # columns of the table of layers that hold numbers


class InsideDialog(Dialog):
    """Two views: the network that the settings describe, drawn from its table without an engine; and any file of weights."""

    def __init__(self, job: TrainJob, classes: int, engines: Engines, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_("Look inside"))
        self._job, self._shape = job, train_job.shape(job, classes)
        self.title, self.totals = Label(role="title"), Label(tone="muted", wrap=True)
        self.views = Segments(_("This network"), _("A file of weights"))
        self.blocks, self.layers = BlocksPicture(), InsideTable()
        self.file = WeightsView(engines)
        self.close_button = PlainButton(_("Close"))
        self.close_button.clicked.connect(self.accept)
        self._lay_out()
        self.views.chosen.connect(self._show_view)
        self.file.changed.connect(self._show_words)
        self._show_network()
        self._show_view(0)
        if train_job.is_file(job.weights):
            self.file.open(job.weights)
        window = parent.window()
        self.resize(min(WIDEST, window.width() - EDGE), min(HIGHEST, window.height() - EDGE))

    def _lay_out(self) -> None:
        head = row(column(self.title, self.totals, spacing=4), self.views, spacing=16)
        head.setStretch(0, 1)
        head.setAlignment(self.views, Qt.AlignmentFlag.AlignTop)
        drawn, listed = Card(padding=15), Card(padding=15)
        drawn.box.addWidget(self.blocks)
        listed.box.addWidget(self.layers)
        network = QWidget()
        body = column(drawn, listed, spacing=16)
        body.setStretch(1, 1)
        network.setLayout(body)
        views = QWidget()
        self._stack = QStackedLayout(views)
        self._stack.addWidget(network)
        self._stack.addWidget(self.file)
        foot = row(self.file.open_button, self.file.save_button, None, self.close_button)
        whole = column(head, views, foot, spacing=16, margins=(24, 24, 24, 24))
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def _show_view(self, number: int) -> None:
        self._stack.setCurrentIndex(number)
        self._show_words()

    def _show_words(self) -> None:
        """The head speaks of what is shown below it; what can be done with a file stands at its foot."""
        told = self.views.current() == 1
        self.title.setText(self.file.headline() if told else self._name)
        self.totals.set_tone(self.file.tone if told else "muted")
        self.totals.setText(self.file.says if told else self._told)
        for button in (self.file.open_button, self.file.save_button):
            button.setVisible(told and bool(self.file.path))

    def _show_network(self) -> None:
        shape, side, stage = self._shape, self._job.image_size, recipes.train_from(self._job)
        event = inspected(shape, side)
        self._name = wording.network_title(shape.variant, shape.width_divisor)
        self._told = f"{layer_words.totals(event)}\n{sentence(shape, stage)}"
        self.blocks.show_network(shape, side, stage)
        quiet = [number for number, layer in enumerate(event.layers) if not layer.counts]
        self.layers.setAccessibleName(_("Layers"))
        self.layers.show_table(layer_words.layer_head(), layer_words.layer_cells(event.layers), NUMBERS, quiet)
