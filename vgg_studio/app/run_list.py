"""The history: every run in a row of its own, those on the open folder first."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import focus, places, run_words, theme
from vgg_studio.app.overlay_bar import OverlayBar
from vgg_studio.app.run_words import data_name, run_title
from vgg_studio.app.widgets import Card, Label, elide, plain_tip, row
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

Index = QModelIndex | QPersistentModelIndex
WIDTH = 240
ROW, GAP = 82, 4
PAD = 12  # between a row's edge and its words
LINE = 18
RUN = int(Qt.ItemDataRole.UserRole)
TRAINING = RUN + 1
LINES = RUN + 2


class RunTable(QAbstractListModel):
    """The runs in the order in which they are shown."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.runs: list[RunFolder] = []
        self.folder = self.training = ""

    def show(self, runs: list[RunFolder], folder: str, training: str) -> None:
        """Show runs; `folder` is the open one, `training` the path of the run that is being trained ("" for none)."""
        self.beginResetModel()
        self.runs = sorted(runs, key=lambda run: run.manifest.job.data != folder)  # newest first within each group
        self.folder, self.training = folder, training
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.runs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        run = self.runs[index.row()]
        if role == RUN:
            return run
        if role == TRAINING:
            return str(run.path) == self.training
        if role == LINES:
            return self._lines(run)
        if role == Qt.ItemDataRole.DisplayRole:
            return run_title(run)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            _icon, standing = run_words.standing(run, str(run.path) == self.training)
            return ", ".join((run_title(run), standing, *self._lines(run)))
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{run_words.settings(run)}\n{run.path}")
        return None

    def _lines(self, run: RunFolder) -> tuple[str, str]:
        moment = run_words.when(run)
        if run.manifest.job.data != self.folder and data_name(run):
            moment = _("on {data}, {when}").format(data=data_name(run), when=moment)
        return run_words.what(run), moment


class RunDelegate(QStyledItemDelegate):
    """Paints one run: name and score, what was trained, when."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(0, ROW + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        ground = QRect(option.rect.left(), option.rect.top(), option.rect.width(), ROW)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("tint" if chosen else "hover"))
            painter.drawRoundedRect(ground, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
        if option.state & QStyle.StateFlag.State_HasFocus and focus.by_keyboard():
            focus.paint_in_row(painter, ground)
        inner = ground.adjusted(PAD, 0, -PAD, 0)
        self._paint_first(painter, inner, index, chosen)
        for number, words in enumerate(index.data(LINES), start=1):
            _paint_line(painter, inner, 12 + number * LINE + (4 if number else 0), words, "body", "muted")
        painter.restore()

    def _paint_first(self, painter: QPainter, inner: QRect, index: Index, chosen: bool) -> None:
        run = index.data(RUN)
        icon, standing = run_words.standing(run, index.data(TRAINING))
        role, tone = ("body", "muted") if icon else ("tabular_strong", "text")
        width = min(QFontMetrics(theme.font(role)).horizontalAdvance(standing) + 1, inner.width() - 64)
        right = QRect(inner.right() + 1 - width, inner.top(), width, inner.height())
        _paint_line(painter, right, 12, standing, role, tone)
        if icon:
            tone = "bad" if icon == "bad" else "muted"
            left = right.left() - 8 - 16
            painter.drawPixmap(
                left, inner.top() + 13, theme.pixmap(icon, tone, 16, painter.device().devicePixelRatioF())
            )
            width += 24
        name = QRect(inner.left(), inner.top(), inner.width() - width - 8, inner.height())
        _paint_line(painter, name, 12, run_title(run), "strong", "link" if chosen else "text")


def _paint_line(painter: QPainter, inner: QRect, top: int, words: str, role: str, tone: str) -> None:
    font = theme.font(role)
    painter.setFont(font)
    painter.setPen(theme.color(tone))
    line = QRect(inner.left(), inner.top() + top, inner.width(), LINE)
    painter.drawText(
        line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elide(words, font, inner.width())
    )


class RunList(QListView):
    """The rows. Emits `chosen` when another run is looked at."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.table = RunTable(self)
        self.setModel(self.table)
        self.setItemDelegate(RunDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self._bar = OverlayBar(self)
        self.selectionModel().currentChanged.connect(self._current_moved)
        theme.signals.changed.connect(self.viewport().update)

    def show_runs(self, runs: list[RunFolder], folder: str, training: str, wanted: str = "") -> None:
        """Show the runs; the one at `wanted` is chosen, else the chosen one stays chosen, else the first is."""
        now = self.run()
        kept = wanted or (str(now.path) if now else "")
        blocked = self.selectionModel().blockSignals(True)
        self.table.show(runs, folder, training)
        rows = [str(run.path) for run in self.table.runs]
        self.setCurrentIndex(self.table.index(rows.index(kept) if kept in rows else 0))
        self.selectionModel().blockSignals(blocked)
        self.viewport().update()

    def run(self) -> RunFolder | None:
        """The run that is looked at."""
        row_ = self.currentIndex().row()
        return self.table.runs[row_] if 0 <= row_ < len(self.table.runs) else None

    def _current_moved(self, now: QModelIndex, before: QModelIndex) -> None:
        self.viewport().update()
        self.chosen.emit()


class RunCard(Card):
    """The list with its heading."""

    def __init__(self) -> None:
        super().__init__(padding=0, spacing=8)
        self.heading, self.list = Label(role="strong"), RunList()
        self.box.setContentsMargins(3, 15, 3, 3)
        self.box.addLayout(row(self.heading, None, margins=(12, 0, 12, 0)))
        self.box.addWidget(self.list, 1)
        self.setFixedWidth(WIDTH)

    def show_runs(self, runs: list[RunFolder], folder: str, training: str, wanted: str = "") -> None:
        """Show the runs, those on `folder` first."""
        here = bool(runs) and all(run.manifest.job.data == folder for run in runs)
        words = _("Runs on {folder}").format(folder=places.name(folder)) if here else _("Runs")
        self.heading.setText(elide(words, self.heading.font(), WIDTH - 32))
        self.heading.setToolTip(plain_tip(words))
        self.list.setAccessibleName(words)
        self.list.show_runs(runs, folder, training, wanted)
