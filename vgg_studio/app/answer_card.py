"""The answer for one picture: its class in large, whether to believe it, the five likeliest, and what it cannot know."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from vgg_studio.app import theme, verdicts
from vgg_studio.app.prediction_state import Answer
from vgg_studio.app.widgets import Card, Elided, Label, elide, plain_tip, row
from vgg_studio.core import wording
from vgg_studio.core.events import Guess, PredictionFailed
from vgg_studio.core.language import _, ngettext

HEIGHT, PAD, ICON, ICON_GAP = 24, 8, 16, 8
ICONS = {"good": "check", "warn": "question", "bad": "bad"}
NAME, PERCENT, GAP, ROW, LOW_ROW, BAR = 96, 56, 12, 36, 24, 8
SHOWN = 5


class Chip(QWidget):
    """24 px high, as wide as its words."""

    def __init__(self) -> None:
        super().__init__()
        self._tone, self._words = "good", ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)

    def show_verdict(self, tone: str, words: str) -> None:
        """`tone` is good, warn or bad."""
        self._tone, self._words = tone, words
        self.setAccessibleName(words)
        self.updateGeometry()
        self.update()

    def words(self) -> str:
        """What it says."""
        return self._words

    def sizeHint(self) -> QSize:
        words = QFontMetrics(theme.font("strong")).horizontalAdvance(self._words)
        return QSize(PAD + ICON + ICON_GAP + words + PAD + 4, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{self._tone}bg"))
        painter.drawRoundedRect(self.rect(), HEIGHT / 2, HEIGHT / 2)
        icon = theme.pixmap(ICONS[self._tone], self._tone, ICON, self.devicePixelRatioF())
        painter.drawPixmap(PAD, (HEIGHT - ICON) // 2, icon)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color(self._tone))
        place = QRect(PAD + ICON + ICON_GAP, 0, self.width(), HEIGHT)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._words)
        painter.end()


class GuessBars(QWidget):
    """Up to five rows: name, bar, per cent. Names take 96 px, or what they need up to two fifths of the width."""

    def __init__(self) -> None:
        super().__init__()
        self.guesses: list[Guess] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.signals.changed.connect(self.update)

    def show_guesses(self, guesses: list[Guess]) -> None:
        """Show these answers, surest first."""
        self.guesses = guesses[:SHOWN]
        lines = [f"{wording.escaped(guess.label)}: {verdicts.how_sure(guess.probability)}" for guess in self.guesses]
        self.setAccessibleName(", ".join(lines))
        self.setToolTip(plain_tip("\n".join(lines)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, SHOWN * ROW)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, SHOWN * LOW_ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = min(ROW, self.height() / SHOWN)
        strong = QFontMetrics(theme.font("strong"))
        needed = max((strong.horizontalAdvance(wording.escaped(guess.label)) for guess in self.guesses), default=0)
        name = max(NAME, min(needed, round(0.4 * self.width())))
        digits = QFontMetrics(theme.font("tabular_strong"))
        percents = [digits.horizontalAdvance(verdicts.how_sure(guess.probability)) for guess in self.guesses]
        percent = max(PERCENT, *percents, 0)
        for at, guess in enumerate(self.guesses):
            self._paint_row(painter, QRectF(0, at * height, self.width(), height), guess, name, percent, first=at == 0)
        painter.end()

    def _paint_row(
        self, painter: QPainter, place: QRectF, guess: Guess, name: int, percent: int, *, first: bool
    ) -> None:
        left, middle = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignVCenter
        font = theme.font("strong" if first else "body")
        painter.setFont(font)
        painter.setPen(theme.color("text"))
        words = elide(wording.escaped(guess.label), font, name)
        painter.drawText(QRectF(0, place.top(), name, place.height()), left | middle, words)
        painter.setFont(theme.font("tabular_strong" if first else "tabular"))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, verdicts.how_sure(guess.probability))
        track = QRectF(name + GAP, place.center().y() - BAR / 2, place.width() - name - percent - 2 * GAP, BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(track, BAR / 2, BAR / 2)
        painter.setBrush(theme.color("data"))
        painter.setClipRect(QRectF(track.left(), track.top(), max(2.0, track.width() * guess.probability), BAR))
        painter.drawRoundedRect(track, BAR / 2, BAR / 2)
        painter.setClipping(False)


class AnswerCard(Card):
    """What is said about the picture on its left."""

    def __init__(self) -> None:
        super().__init__(spacing=4)
        self.about, self.answer, self.chip = Elided("", tone="muted"), Elided("", "answer"), Chip()
        self.bars = GuessBars()
        self.truth = Label("", tone="muted", wrap=True)
        self.box.addWidget(self.about)
        # As wide as its word, so that the chip follows it; a long word gives way.
        self.answer.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.answer.setMinimumWidth(24)
        self.box.addLayout(row(self.answer, self.chip, None, spacing=16))
        self.box.addSpacing(8)
        self.box.addWidget(self.bars, 1)
        self.box.addSpacing(8)
        self.box.addWidget(self.truth)

    def show_answer(self, answer: Answer | None, threshold: float, classes: int) -> None:
        """Show an answer of a network that knows so many classes; None while there is none yet."""
        self.chip.setVisible(answer is not None)
        self.truth.setText(_truth(classes) if classes else "")
        if answer is None:
            self.about.setText(_("The answer comes in a moment."))
            self.answer.setText("…")
            self.bars.show_guesses([])
        elif isinstance(answer, PredictionFailed) or not answer.top:
            self._show_failure(answer)
        else:
            clear = verdicts.verdict(answer, threshold) == "clear"
            name = verdicts.picture_name(answer)
            words = _("{picture} is most likely") if clear else _("{picture} is perhaps")
            self.about.setText(words.format(picture=name))
            self.answer.setText(wording.escaped(answer.top[0].label))
            self.chip.show_verdict("good" if clear else "warn", _("Clear answer") if clear else _("Not sure"))
            self.bars.show_guesses(answer.top)

    def _show_failure(self, answer: Answer) -> None:
        reason = verdicts.failure_words(answer) if isinstance(answer, PredictionFailed) else ""
        self.about.setText(_("{picture}: {reason}").format(picture=verdicts.picture_name(answer), reason=reason))
        self.answer.setText("–")
        self.chip.show_verdict("bad", _("No answer"))
        self.bars.show_guesses([])


def _truth(classes: int) -> str:
    """What no network says by itself: that it has an answer for everything."""
    return ngettext(
        "It knows only this one class; anything else gets it too.",
        "It knows only these {count} classes; anything else gets one of them too.",
        classes,
    ).format(count=wording.number(classes))
