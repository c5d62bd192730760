"""The score of a run: what was taken for what, each class, the pictures that were named wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from vgg_studio.app.class_table import ClassScoreView
from vgg_studio.app.confusion_view import FEW, ConfusionView
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.table_parts import HEAD, scroll_as_one
from vgg_studio.app.widgets import Card
from vgg_studio.app.wrong_pictures import WrongCard
from vgg_studio.core import metrics
from vgg_studio.core.events import Evaluation
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

MATRIX_WIDTH, TABLE_WIDTH = 472, 288
PADDING = 15
UNLIMITED = 16_777_215  # Qt's own value for no limit


class ScoreView(QWidget):
    """Square and table side by side, or one below the other where the window is narrow; mistakes below both."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._evaluation: Evaluation | None = None
        self._narrow = False
        self.matrix, self.scores, self.wrong = ConfusionView(), ClassScoreView(), WrongCard(studio)
        self.matrix_card, self.scores_card = Card(PADDING), Card(PADDING)
        self.matrix_title, self.matrix_hint = self.matrix_card.add_title()
        self.scores_title, _hint = self.scores_card.add_title()
        self.matrix_card.box.addWidget(self.matrix)
        self.scores_card.box.addWidget(self.scores)
        self.pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self.pair.setSpacing(16)
        self.pair.addWidget(self.matrix_card, 1000)
        self.pair.addWidget(self.scores_card, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(16)
        box.addLayout(self.pair, 1000)  # until its rows are as high as they may be
        box.addWidget(self.wrong, 1)
        self.matrix.fitted.connect(self.scores.set_row_height)
        scroll_as_one(self.matrix, self.scores)
        self._bar = OverlayBar(self.matrix, inset=0, top=HEAD)
        self.scores.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """By class goes under the square."""
        self._narrow = narrow
        self.pair.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._fit()

    def _fit_width(self) -> None:
        """Beside each other the square's card is as wide as few classes need; many may take what the table leaves."""
        wide = self.matrix.full_width() + 2 * (PADDING + 1)
        most = UNLIMITED if self._narrow else max(MATRIX_WIDTH, wide)
        self.matrix_card.setMinimumWidth(0 if self._narrow else MATRIX_WIDTH)
        self.matrix_card.setMaximumWidth(most if len(self.matrix.table.rows) > FEW or self._narrow else MATRIX_WIDTH)
        self.scores_card.setMinimumWidth(0 if self._narrow else TABLE_WIDTH)

    def retranslate(self) -> None:
        """Words anew."""
        self.matrix_title.setText(_("What was taken for what"))
        self.matrix_hint.setText(_("rows: true, columns: named"))
        self.scores_title.setText(_("By class"))
        self.matrix.setAccessibleName(_("What was taken for what"))
        self.scores.setAccessibleName(_("By class"))

    def show_evaluation(self, evaluation: Evaluation, data: str) -> None:
        """Show a score; `data` is the folder of its pictures."""
        self._evaluation = evaluation
        self.matrix.show_evaluation(evaluation)
        self.scores.show_scores(evaluation.by_class or metrics.class_scores(evaluation.classes, evaluation.confusion))
        self.wrong.show_evaluation(evaluation, data)
        self._fit()

    def _fit(self) -> None:
        """Both tables get one height: few classes are seen whole, many scroll inside their cards as one."""
        least, most = self.matrix.heights()
        if self._narrow and len(self.matrix.table.rows) <= FEW:
            least = most  # the page scrolls anyway
        head = self.matrix.names_above.extent
        beside = HEAD if self._narrow else head
        self.scores.names_above.set_extent(beside)
        for view, extent in ((self.matrix, head), (self.scores, beside)):
            view.setMinimumHeight(extent + least)
            view.setMaximumHeight(extent + most)
        around = 2 * (PADDING + 1) + self.matrix_title.sizeHint().height() + self.matrix_card.box.spacing()
        self.matrix_card.setMaximumHeight(head + most + around)
        self.scores_card.setMaximumHeight(beside + most + around)
        self._fit_width()
        self.matrix.fit()
