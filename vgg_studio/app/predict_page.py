"""New pictures get their names here: dropped, pasted or chosen, one or ten thousand, while a training runs or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QWidget

from vgg_studio.app import model_choice, verdicts
from vgg_studio.app.fields import Choice
from vgg_studio.app.model_choice import FILE, OFFICIAL, OFFICIAL_MB, Answerer
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.predict_answers import PredictAnswers
from vgg_studio.app.predict_start import PredictStart
from vgg_studio.app.widgets import Label, column, plain_tip, row
from vgg_studio.core import wording
from vgg_studio.core.errors import StudioError, describe
from vgg_studio.core.events import PicturePredicted, PictureRef
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.tables import predictions_csv
from vgg_studio.core.writing import write_bytes

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

CHOICE_WIDTH, CHOICE_WIDEST, CHOICE_EXTRA = 344, 480, 60  # px; the last is for padding and arrow
AN_ORDER = 1_000  # pictures: an order is one line of less than 1 MB


class PredictPage(Page):
    """The choice of the network above, and below it either the field to drop on or the answers."""

    key = "predict"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._file = studio.settings.choice("weights_file")
        self._model = studio.settings.choice("answers_from")
        self._known: list[Answerer] = []
        self._best_epoch = 0  # of the training that runs, as the choice shows it
        self.choice_label, self.choice = Label("", tone="muted"), Choice()
        self.hint = Label("", tone="muted", wrap=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.start, self.answers = PredictStart(), PredictAnswers(studio)
        self._choice_row = QWidget()
        choosing = row(self.choice_label, self.choice, self.hint)
        choosing.setStretch(2, 1)
        self._choice_row.setLayout(choosing)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.start)
        self._stack.addWidget(self.answers)
        self._box = column(self._choice_row, self._stack, spacing=16)
        self._box.setStretch(1, 1)
        self.setLayout(self._box)
        self._connect()
        self.retranslate()

    def _connect(self) -> None:
        studio = self.studio
        self.choice.activated.connect(self._chosen)
        self.start.first.connect(self._start_first)
        self.start.second.connect(self._start_second)
        self.start.third.connect(self.choose_weights)
        self.answers.save.connect(self.save_table)
        self.answers.add_folder.connect(self.choose_folder)
        self.answers.judged.connect(self.header_changed)
        studio.prediction_changed.connect(self._refresh)
        studio.runs_changed.connect(self._fill)
        studio.training_changed.connect(self._fill)
        studio.progress_changed.connect(self._training_moved)

    # --- what the header shows

    def title(self) -> str:
        return _("Predict")

    def status(self) -> str:
        state = self.studio.prediction
        if state.failure:
            return describe(state.failure)
        count = sum(isinstance(found, PicturePredicted) for found in state.rows)
        if state.running:
            return self._running(count)
        if state.rows:
            return self._summary(count)
        return _("Ready to name pictures.") if self.model() else _("There is no network to ask yet.")

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

    def model(self) -> str:
        """The network that answers, as an order calls it; "" where there is none."""
        known = [found.model for found in self._known]
        return self._model if self._model in known and self._model != FILE else model_choice.first_choice(self.studio)

    def use(self, model: str) -> None:
        """Ask another network from now on; pictures that have an answer are named anew by it."""
        self._model = model
        self.studio.settings.choose("answers_from", model)
        asked = list(self.studio.prediction.asked)
        if model != self.studio.prediction.model and asked:
            self.answers.forget_threshold()
            if model == OFFICIAL and not model_choice.official_is_here():
                self.studio.clear_prediction()  # half a gigabyte is not fetched by a mere choice
            else:
                self.ask(asked)
        self._fill()

    def choose_weights(self) -> None:
        """Ask for a file of weights and let it answer."""
        start = os.path.dirname(self._file) or os.path.expanduser("~")
        kinds = _("Weights ({patterns})").format(patterns="*.pth *.pt *.safetensors")
        file, _kind = QFileDialog.getOpenFileName(self, _("Choose a file of weights"), start, kinds)
        if file:
            self._file = file
            self.studio.settings.choose("weights_file", file)
            self.use(file)
        else:
            self._fill()

    def _chosen(self, at: int) -> None:
        model = self.choice.itemData(at)
        if model == FILE:
            self.choose_weights()
        else:
            self.use(model)

    def entered(self) -> None:
        """Another page may have chosen who answers, such as Results with the run that is looked at there."""
        wanted = self.studio.settings.choice("answers_from")
        if wanted and wanted != self._model:
            self.use(wanted)

    def _start_first(self) -> None:
        if self.model():
            self.choose_pictures()
        else:
            self.studio.page_wanted.emit("train" if self.studio.scan.usable else "data")

    def _start_second(self) -> None:
        if self.model():
            self.choose_folder()
        else:
            self.use(OFFICIAL)

    # --- what is asked

    def ask(self, pictures: list[PictureRef]) -> None:
        """Have pictures and folders named by the chosen network."""
        model = self.model()
        if not model:
            self.studio.message.emit(
                _("Train a network first, or use the official weights; then drop the pictures again.")
            )
            return
        if model != self.studio.prediction.model:
            self.studio.clear_prediction()
            self.answers.forget_threshold()
        self.answers.choose_next()
        for first in range(0, len(pictures), AN_ORDER):
            self.studio.predict(model, pictures[first : first + AN_ORDER])

    def dropped(self, paths: list[str]) -> bool:
        """Pictures and folders of pictures are named."""
        self.ask([PictureRef(path=path) for path in paths])
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
        self.choice_label.setText(_("Answers from"))
        self.choice.setAccessibleName(_("Answers from"))
        self.hint.setText(_("Drop or paste pictures anywhere on this page"))
        self.answers.retranslate()
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)
        self.answers.fit(self.narrow(), self.height())

    def _training_moved(self) -> None:
        if self.studio.progress.best_epoch != self._best_epoch:
            self._fill()

    def _fill(self) -> None:
        self._best_epoch = self.studio.progress.best_epoch
        self._known = model_choice.answerers(self.studio, self._file)
        self.choice.fill([(found.title, found.model) for found in self._known])
        self.choice.choose(self.model())
        shown = self.choice.currentText()
        self.choice.setToolTip(plain_tip(shown))
        needed = self.choice.fontMetrics().horizontalAdvance(shown) + CHOICE_EXTRA
        self.choice.setFixedWidth(min(CHOICE_WIDEST, max(CHOICE_WIDTH, needed)))
        self._refresh()

    def _refresh(self) -> None:
        model, state = self.model(), self.studio.prediction
        answering = bool(state.rows or state.running)
        if answering:
            self.answers.refresh()
        elif model:
            self.start.ask_for_pictures(_download_note() if model == OFFICIAL else "")
        else:
            self.start.ask_for_network(_download_note())
        self._choice_row.setVisible(bool(model))
        self.hint.setVisible(answering)
        self._stack.setCurrentWidget(self.answers if answering else self.start)
        self.header_changed.emit()


def _download_note() -> str:
    """What using the official weights costs, "" where they are on this computer already."""
    if model_choice.official_is_here():
        return ""
    return _("{size} MB are downloaded at the first use, and kept.").format(size=OFFICIAL_MB)
