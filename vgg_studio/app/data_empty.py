"""The Data page without usable pictures: where to drop a folder, what a good one looks like, what was open before."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from vgg_studio.app import theme
from vgg_studio.app.recent_list import RecentList
from vgg_studio.app.settings import RecentFolder
from vgg_studio.app.widgets import (
    Divider,
    Label,
    LinkButton,
    PlainButton,
    PrimaryButton,
    Sign,
    column,
    elide,
    row,
    set_look,
)
from vgg_studio.core.language import _

WIDTH, HEIGHT, STEP, FOLDER, NAME_TOP, NAME_HEIGHT = 452, 106, 160, 132, 57, 48
COLUMN = 720
SIDE = 64  # px beside the words, so that lines do not get too long to read
LOW, HIGH = 2, 5  # recent folders in a low and in a high window
HIGH_FROM = 760  # px of page height


class FolderDrawing(QWidget):
    """Three folders; their names are set by `set_names`, because they are words."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self.setFixedSize(WIDTH, HEIGHT)
        theme.signals.changed.connect(self.update)

    def set_names(self, *names: str) -> None:
        """The words on the folders, from left to right."""
        self._names = names
        self.setAccessibleName(", ".join(names))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawPixmap(0, 0, theme.drawing("folders", WIDTH, HEIGHT, self.devicePixelRatioF()))
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font())
        for index, name in enumerate(self._names):
            place = QRectF(index * STEP, NAME_TOP, FOLDER, NAME_HEIGHT)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, elide(name, painter.font(), FOLDER - 16))
        painter.end()


class DropZone(QFrame):
    """A dashed field with a drawing, a headline, two lines and two buttons. It only shows that a drop is welcome."""

    choose = Signal()
    other = Signal()
    details = Signal()
    sets = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "drop")
        self.drawing = FolderDrawing()
        self.sign, self.headline = Sign("warn", size=20), Label("", "title", wrap=True)
        self.lines = Label("", tone="muted", wrap=True)
        self.details_link = LinkButton()
        self.choose_button, self.other_button, self.sets_link = PrimaryButton(), PlainButton(), LinkButton()
        for label in (self.headline, self.lines):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.choose_button.clicked.connect(self.choose)
        self.other_button.clicked.connect(self.other)
        self.details_link.clicked.connect(self.details)
        self.sets_link.clicked.connect(self.sets)
        self._lay_out()

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 24)
        box.setSpacing(0)
        box.addStretch(1)
        box.addWidget(self.drawing, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addSpacing(32)
        words = column(self.sign, self.headline, self.lines, self.details_link, spacing=8, margins=(SIDE, 0, SIDE, 0))
        for part in (self.sign, self.details_link):
            words.setAlignment(part, Qt.AlignmentFlag.AlignHCenter)
        box.addLayout(words)
        box.addSpacing(24)
        box.addLayout(row(None, self.choose_button, self.other_button, None, spacing=12))
        box.addSpacing(12)
        box.addWidget(self.sets_link, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(1)

    def set_over(self, over: bool) -> None:
        """Light up while something that can be dropped is over the page."""
        set_look(self, over=over)

    def set_words(self, headline: str, lines: str, other: str, details: str = "", trouble: bool = False) -> None:
        """Set the words; `other` is the second button's, `details` a link's ("" hides either), `trouble` adds a sign."""
        self.drawing.set_names(_("daisy"), _("roses"), _("tulips"))
        self.sign.setVisible(trouble)
        self.headline.setText(headline)
        self.lines.setText(lines)
        self.choose_button.setText(_("Choose a folder…"))
        self.other_button.setText(other)
        self.other_button.setVisible(bool(other))
        self.sets_link.setText(_("Data sets of the tutorials…"))
        self.details_link.setText(details)
        self.details_link.setVisible(bool(details))


class DataEmpty(QWidget):
    """A column of at most 720 px: the drop zone, recent folders, and the promise about the pictures."""

    recent_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.zone = DropZone()
        self.recent_heading, self.recent = Label("", "strong"), RecentList()
        self._recent_line = Divider()
        self._lock, self.promise = Sign("lock", size=16), Label("", tone="muted")
        self._folders: list[RecentFolder] = []
        self.recent.opened.connect(self.recent_wanted)
        self._column = QWidget()
        self._column.setMaximumWidth(COLUMN)
        promise = row(None, self._lock, self.promise, None, spacing=8)
        below = column(self.recent_heading, self._recent_line, self.recent, spacing=0)
        below.setSpacing(0)
        below.insertSpacing(1, 8)
        inner = column(self.zone, below, promise, spacing=24)
        inner.setStretch(0, 1)
        self._column.setLayout(inner)
        self._outer = row(self._column, spacing=0)
        self.setLayout(self._outer)

    def show_recent(self, folders: list[RecentFolder]) -> None:
        """Show these folders, as many of them as the height allows."""
        self._folders = folders
        self._fit()

    def retranslate(self) -> None:
        """Set the words that never depend on the state."""
        self.recent_heading.setText(_("Recent folders"))
        self.recent.setAccessibleName(_("Recent folders"))
        self.promise.setText(_("Your pictures stay on this computer and are never changed."))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = max(0, (self.width() - COLUMN) // 2)
        self._outer.setContentsMargins(side, 0, side, 0)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        room = HIGH if self.height() >= HIGH_FROM else LOW
        shown = self._folders[:room]
        if shown != self.recent.table.rows:
            self.recent.show_folders(shown)
        for part in (self.recent_heading, self._recent_line, self.recent):
            part.setVisible(bool(shown))
