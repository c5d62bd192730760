"""New pictures get their names here: dropped, pasted or chosen, one or ten thousand, while a training runs or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QStackedWidget

from vgg_studio.app import answerers, verdicts
from vgg_studio.app.answerers import OFFICIAL, OFFICIAL_MB, AnswererRow
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.predict_answers import PredictAnswers
from vgg_studio.app.predict_start import PredictStart
from vgg_studio.app.widgets import column
from vgg_studio.core import wording
from vgg_studio.core.errors import StudioError, describe
from vgg_studio.core.events import PictureRef
from vgg_studio.core.facts import picture_ref
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.tables import predictions_csv
from vgg_studio.core.writing import write_bytes

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class PredictPage(Page):
    """The choice of the network above, and below it either the field to drop on or the answers."""

    key = "predict"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.answerers = AnswererRow(studio)
        self.start, self.answers = PredictStart(), PredictAnswers(studio)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start)
        self._stack.addWidget(self.answers)
        self._box = column(self.answerers, self._stack, spacing=16)
        self._box.setStretch(1, 1)
        self.setLayout(self._box)
        self._connect()
        self.retranslate()

    def _connect(self) -> None:
        self.answerers.changed.connect(self._answerer_changed)
        self.answerers.filled.connect(self._refresh)
        self.start.first.connect(self._start_first)
        self.start.second.connect(self._start_second)
        self.start.third.connect(self.answerers.choose_weights)
        self.answers.save.connect(self.save_table)
        self.answers.add_folder.connect(self.choose_folder)
        self.answers.judged.connect(self.header_changed)
        self.studio.prediction_changed.connect(self._refresh)

    # --- what the header shows

    def title(self) -> str:
        return _("Predict")

    def status(self) -> str:
        state = self.studio.prediction
        if state.failure:
            return describe(state.failure)
        count = self.answers.named()
        if state.running:
            return self._running(count)
        if state.rows:
            return self._summary(count)
        return _("Ready to name pictures.") if self.answerers.model() else _("There is no network to ask yet.")

    def _running(self, count: int) -> str:
        state = self.studio.prediction
        if not state.rows and state.phase != "testing":
            return wording.phase_words(state.phase or "loading_network", state.phase_done, state.phase_total)
        total = max(len(state.asked), state.phase_total)
        if len(state.rows) >= total:
            return _("Naming pictures…")
        words = ngettext("Named {count} of {total} picture", "Named {count} of {total} pictures", total)
        return words.format(count=wording.number(count), total=wording.number(total))

    def _summary(self, count: int) -> str:
        named = ngettext("{count} picture named in {time}", "{count} pictures named in {time}", count).format(
            count=wording.number(count), time=wording.duration(self.studio.prediction.seconds)
        )
        unsure = self.answers.unsure()
        if not unsure:
            return _("{named}.").format(named=named)
        looks = ngettext("{count} needs a look", "{count} need a look", unsure).format(count=wording.number(unsure))
        return _("{named}; {looks}.").format(named=named, looks=looks)

    def primary(self) -> Primary | None:
        words = (_("Choose pictures…"), _("Cancel"))
        if self.studio.prediction.running:
            return Primary(words[1], filled=False, widest=words)
        return Primary(words[0], widest=words) if self.studio.prediction.rows else None

    def activate_primary(self) -> None:
        if not self.cancel():
            self.choose_pictures()

    # --- who answers

    def entered(self) -> None:
        self.answerers.follow_settings()

    def _answerer_changed(self) -> None:
        """Pictures that have an answer are named anew by the network that was chosen."""
        model, asked = self.answerers.model(), list(self.studio.prediction.asked)
        if model == self.studio.prediction.model or not asked:
            return
        if model == OFFICIAL and not answerers.official_is_here():
            self.studio.clear_prediction()  # half a gigabyte is not fetched by a mere choice
        else:
            self.ask(asked)

    def _start_first(self) -> None:
        if self.answerers.model():
            self.choose_pictures()
        else:
            self.studio.page_wanted.emit("train" if self.studio.scan.usable else "data")

    def _start_second(self) -> None:
        if self.answerers.model():
            self.choose_folder()
        else:
            self.answerers.use(OFFICIAL)

    # --- what is asked

    def ask(self, pictures: list[PictureRef]) -> None:
        """Have pictures and folders named by the chosen network."""
        model = self.answerers.model()
        if not model:
            self.studio.message.emit(
                _("Train a network first, or use the official weights; then drop the pictures again.")
            )
            return
        if model != self.studio.prediction.model:
            self.studio.clear_prediction()
            self.answers.forget_threshold()
        self.answers.choose_next()
        self.studio.predict(model, pictures)

    def dropped(self, paths: list[str]) -> bool:
        """Pictures and folders of pictures are named."""
        self.ask([picture_ref(os.fsencode(path)) for path in paths])
        return True

    def set_drag_over(self, over: bool) -> None:
        """Show that what is dragged over the window can be dropped."""
        self.start.set_over(over)

    def choose_pictures(self) -> None:
        """Ask for pictures and have them named."""
        kinds = "*.jpg *.jpeg *.png *.webp *.bmp *.gif *.tif *.tiff *.avif *.ppm *.pgm"
        patterns = (
            _("Pictures ({patterns})").format(patterns=kinds) + ";;" + _("All files ({patterns})").format(patterns="*")
        )
        files, _kind = QFileDialog.getOpenFileNames(self, _("Choose pictures"), self._last_place(), patterns)
        self._ask_and_remember(files)

    def choose_folder(self) -> None:
        """Ask for a folder and have its pictures named."""
        folder = QFileDialog.getExistingDirectory(self, _("Choose a folder of pictures"), self._last_place())
        self._ask_and_remember([folder] if folder else [])

    def _last_place(self) -> str:
        return self.studio.settings.choice("pictures_from", os.path.expanduser("~"))

    def _ask_and_remember(self, chosen: list[str]) -> None:
        if chosen:
            self.studio.settings.choose("pictures_from", os.path.dirname(chosen[0]))
            self.dropped(chosen)

    def cancel(self) -> bool:
        """Stop naming; the answers so far stay."""
        if not self.studio.prediction.running:
            return False
        self.studio.cancel_prediction()
        return True

    # --- what is saved

    def save_table(self) -> None:
        """Ask where to, and write the answers as a table."""
        start, kinds = (
            os.path.join(self._last_place(), "predictions.csv"),
            _("Table ({patterns})").format(patterns="*.csv"),
        )
        file, _kind = QFileDialog.getSaveFileName(self, _("Save the answers"), start, kinds)
        if file:
            self.write_table(file if file.lower().endswith(".csv") else f"{file}.csv")

    def write_table(self, file: str) -> None:
        """Write the answers as they are judged on the page, and say so."""
        rows = self.studio.prediction.rows
        try:
            write_bytes(Path(file), predictions_csv(verdicts.with_threshold(rows, self.answers.threshold())))
        except StudioError as error:
            self.studio.message.emit(describe(error.fact()))
        else:
            words = ngettext("The answer is saved in {file}.", "{count} answers are saved in {file}.", len(rows))
            self.studio.message.emit(words.format(count=wording.number(len(rows)), file=wording.escaped(file)))

    # --- what is shown

    def retranslate(self) -> None:
        self.answers.retranslate()
        self.answerers.retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)
        self.answers.fit(self.narrow(), self.height())

    def _refresh(self) -> None:
        model, state = self.answerers.model(), self.studio.prediction
        answering = bool(state.rows or state.running)
        if answering:
            self.answers.refresh()
        elif model:
            self.start.ask_for_pictures(_download_note() if model == OFFICIAL else "")
        else:
            self.start.ask_for_network(_download_note())
        self.answerers.setVisible(bool(model))
        self.answerers.hint.setVisible(answering)
        self._stack.setCurrentWidget(self.answers if answering else self.start)
        self.header_changed.emit()


def _download_note() -> str:
    """What using the official weights costs, "" where they are on this computer already."""
    if answerers.official_is_here():
        return ""
    return _("{size} MB are downloaded at the first use, and kept.").format(size=OFFICIAL_MB)
