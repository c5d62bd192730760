"""A card of the Data page: how the pictures will be used."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from vgg_studio.app import caption, theme
from vgg_studio.app.scan_state import ScanState
from vgg_studio.app.widgets import Card, Label, LinkButton
from vgg_studio.core import wording
from vgg_studio.core.errors import describe_reason
from vgg_studio.core.events import LeftOut
from vgg_studio.core.language import _, ngettext

PARTS = ("train", "val", "test")
SHADES = (1.0, 0.6, 0.3)  # of the colour of all bars


class SplitBar(QWidget):
    """A bar of 8 px cut into the parts of the split."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[int] = []
        self.setFixedHeight(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_parts(self, parts: list[int]) -> None:
        """Show these numbers of pictures side by side."""
        self._parts = parts
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(self.rect(), 4, 4)
        self._paint_parts(painter)
        painter.end()

    def _paint_parts(self, painter: QPainter) -> None:
        shown = [(many, shade) for many, shade in zip(self._parts, SHADES, strict=False) if many > 0]
        whole, left = sum(many for many, _shade in shown), 0.0
        room = self.width() - 2 * max(0, len(shown) - 1)
        for at, (many, shade) in enumerate(shown):
            width = room * many / whole
            part = QRectF(left, 0, width, 8)
            painter.setClipRect(part)
            painter.setBrush(theme.mixed("data", "card", shade))
            reach = part.adjusted(0 if at == 0 else -8, 0, 0 if at == len(shown) - 1 else 8, 0)
            painter.drawRoundedRect(reach, 4, 4)  # round at the bar's two ends only
            left += width + 2


class SplitCard(Card):
    """How many pictures are learned from, choose the best round, and are kept back; and how many files were no pictures."""

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self.heading, self.bar = Label("", "strong"), SplitBar()
        self.numbers = {name: Label("", "tabular_strong") for name in (*PARTS, "ignored")}
        self.meanings = {name: Label("", tone="muted", wrap=True) for name in (*PARTS, "ignored")}
        lines = QGridLayout()
        lines.setHorizontalSpacing(12)
        lines.setVerticalSpacing(4)
        lines.setColumnMinimumWidth(0, 28)  # three digits: nothing moves when they come
        lines.setColumnStretch(1, 1)
        for at, name in enumerate(self.numbers):
            lines.addWidget(self.numbers[name], at, 0, Qt.AlignmentFlag.AlignTop)
            lines.addWidget(self.meanings[name], at, 1)
        self.box.addWidget(self.heading)
        self.box.addWidget(self.bar)
        self.box.addLayout(lines)
        self.as_folders = LinkButton()
        self.box.addWidget(self.as_folders, alignment=Qt.AlignmentFlag.AlignLeft)

    def show_scan(self, scan: ScanState) -> None:
        """Show the parts, as soon as the scan knows them."""
        self.heading.setText(_("How they will be used"))
        self.as_folders.setText(_("Write as folders…"))
        self.as_folders.setVisible(scan.usable)
        words = {
            "train": _("to learn from"),
            "val": _("to choose the best round"),
            "test": _("kept back for the final score"),
            "ignored": ngettext("system file, passed over", "system files, passed over", scan.ignored),
        }
        for name, text in words.items():
            self.meanings[name].setText(text)
        for name in PARTS:
            known = scan.split.get(name, 0)
            self.numbers[name].setText(wording.number(known) if scan.finished else "…")
        self.bar.show_parts([scan.split.get(name, 0) for name in PARTS] if scan.finished else [])
        self.numbers["ignored"].setText(wording.number(scan.ignored))
        for part in (self.numbers["ignored"], self.meanings["ignored"]):
            part.setVisible(scan.ignored > 0)


def left_out_line(entry: LeftOut) -> str:
    """A file that is left out and why, as a caption."""
    return _("{name} {reason}").format(
        name=caption.named(wording.picture_text(entry.picture)),
        reason=describe_reason(entry.reason, dict(entry.values)),
    )
