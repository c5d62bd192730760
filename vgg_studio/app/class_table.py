"""How well each class was recognised: found (recall), reliable (precision), and how many pictures that stands on."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QObject, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vgg_studio.app import focus, theme
from vgg_studio.app.table_parts import HEAD, Head, Index, ScoreTable
from vgg_studio.app.widgets import elide, plain_tip
from vgg_studio.core import wording
from vgg_studio.core.events import ClassScore
from vgg_studio.core.language import _

NAME, FOUND, RELIABLE, PICTURES = range(4)
LOWEST = int(Qt.ItemDataRole.UserRole)
COLUMN_GAP = 8


class ClassScores(QAbstractTableModel):
    """A row a class."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.scores: list[ClassScore] = []

    def show(self, scores: list[ClassScore]) -> None:
        """Show other scores."""
        self.beginResetModel()
        self.scores = scores
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.scores)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 4

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        score, column = self.scores[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words(score, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft if column == NAME else Qt.AlignmentFlag.AlignRight
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(explained(score, column))
        if role == LOWEST:
            return self._lowest(score, column)
        return None

    def _words(self, score: ClassScore, column: int) -> str:
        return {
            NAME: wording.escaped(score.name),
            FOUND: wording.percent(score.found),
            RELIABLE: wording.percent(score.reliable),
            PICTURES: wording.number(score.count),
        }[column]

    def _lowest(self, score: ClassScore, column: int) -> bool:
        """Whether this is the one value of its column to look at: the lowest, where not all are the same."""
        if column not in (FOUND, RELIABLE):
            return False
        values = [_value(other, column) for other in self.scores]
        known = [value for value in values if value is not None]
        return len(set(known)) > 1 and _value(score, column) == min(known)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return ("", _("found"), _("reliable"), _("pictures"))[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(meaning(section))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight
        return None


def meaning(column: int) -> str:
    """What a column says, in one line, with the word that textbooks have for it (the same in every language)."""
    return {
        NAME: "",
        FOUND: _("Found ({term}): of the pictures that are of this class, the share that was named so.").format(
            term="recall"
        ),
        RELIABLE: _("Reliable ({term}): of the pictures that were named so, the share that is of this class.").format(
            term="precision"
        ),
        PICTURES: _("How many pictures of this class the score stands on."),
    }[column]


def explained(score: ClassScore, column: int) -> str:
    """One value with its numbers."""
    name = wording.escaped(score.name)
    if column == FOUND:
        words = _("{correct} of {count} pictures of {name} were named {name}.")
        return words.format(correct=wording.number(score.correct), count=wording.number(score.count), name=name)
    if column == RELIABLE and score.reliable:
        named = wording.number(round(score.correct / score.reliable))
        words = _("{correct} of {count} pictures that were named {name} are {name}.")
        return words.format(correct=wording.number(score.correct), count=named, name=name)
    if column == RELIABLE and score.reliable is None:
        return _("No picture was named {name}.").format(name=name)
    return name if column == NAME else meaning(column)


def _value(score: ClassScore, column: int) -> float | None:
    return score.found if column == FOUND else score.reliable


def _role(index: Index) -> str:
    """The font of a value, as theme.ROLES calls it."""
    return "tabular_strong" if index.data(LOWEST) else "body" if index.column() == NAME else "tabular"


class ClassScoreDelegate(QStyledItemDelegate):
    """Paints one value; a thin line ends each row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, column = option.rect, index.column()
        font = theme.font(_role(index))
        painter.save()
        painter.setFont(font)
        painter.setPen(theme.color("muted" if column == PICTURES else "text"))
        inner = rect.adjusted(0, 0, 0 if column == NAME else -1, 0)
        where = Qt.AlignmentFlag.AlignLeft if column == NAME else Qt.AlignmentFlag.AlignRight
        painter.drawText(inner, where | Qt.AlignmentFlag.AlignVCenter, elide(str(index.data()), font, inner.width()))
        if index.row() + 1 < index.model().rowCount():
            painter.setPen(theme.color("line"))
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if option.state & QStyle.StateFlag.State_HasFocus and focus.by_keyboard():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            focus.paint_in_row(painter, QRect(rect))
        painter.restore()


class ClassScoreView(ScoreTable):
    """The table. Its rows are as high as those of the square beside it, so that both read as one line."""

    def __init__(self) -> None:
        super().__init__()
        self.table = ClassScores(self)
        self.names_above = Head(Qt.Orientation.Horizontal, self, line=True)
        self.setHorizontalHeader(self.names_above)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.names_above.set_extent(HEAD)
        self.setModel(self.table)
        self.setItemDelegate(ClassScoreDelegate(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_width()

    def show_scores(self, scores: list[ClassScore]) -> None:
        """Show other scores."""
        self.table.show(scores)
        self._share_width()

    def _share_width(self) -> None:
        """Numbers get what they and their heads need, names the rest."""
        left = self.viewport().width()
        for column in (FOUND, RELIABLE, PICTURES):
            head = str(self.table.headerData(column, Qt.Orientation.Horizontal))
            cells = [self.table.index(at, column) for at in range(self.table.rowCount())]
            needed = {(str(index.data()), _role(index)) for index in cells} | {(head, "body")}
            widest = max(QFontMetrics(theme.font(role)).horizontalAdvance(words) for words, role in needed)
            width = min(widest + 1 + COLUMN_GAP, self.viewport().width() // 3)
            self.setColumnWidth(column, width)
            left -= width
        self.setColumnWidth(NAME, left)
