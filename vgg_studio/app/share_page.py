"""A trained network leaves here, as files that any program with torchvision can use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QVBoxLayout, QWidget

from vgg_studio.app import places, run_words
from vgg_studio.app.answerers import finished
from vgg_studio.app.caption import CaptionLine, named
from vgg_studio.app.fields import Choice
from vgg_studio.app.left_out_dialog import show_folder
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.share_parts import CodeCard, code_for, default_name, shared_files
from vgg_studio.app.widgets import Card, EmptyState, Label, LinkButton, Sign, column, plain_tip, row
from vgg_studio.core import wording
from vgg_studio.core.errors import describe
from vgg_studio.core.language import _
from vgg_studio.core.run_folder import RunFolder

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

LEFT, LEFT_NARROW, FILES = 440, 360, 3


class FilesCard(Card):
    """What is written where, and afterwards where it lies or why it does not."""

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self.heading, self.choice = Label("", tone="muted"), Choice()
        self.title = Label("", "strong")
        self.names = [CaptionLine() for _at in range(FILES)]
        self.contents = [Label("", tone="muted", wrap=True) for _at in range(FILES)]
        self.promise = Label("", tone="muted", wrap=True)
        self.sign, self.outcome, self.folder_link = Sign("check"), Label("", wrap=True), LinkButton()
        self.box.addLayout(column(self.heading, self.choice, spacing=4))
        self.box.addSpacing(4)
        self.box.addWidget(self.title)
        for name, contents in zip(self.names, self.contents, strict=True):
            self.box.addLayout(column(name, contents, spacing=0))
        self.box.addWidget(self.promise)
        self.box.addSpacing(4)
        words = column(self.outcome, self.folder_link, spacing=0)
        words.setAlignment(self.folder_link, Qt.AlignmentFlag.AlignLeft)
        outcome = row(column(self.sign, None), words, spacing=8)
        outcome.setStretch(1, 1)
        self.box.addLayout(outcome)
        self.box.addStretch(1)

    def show_run(self, run: RunFolder) -> None:
        """Show what will be written of a run."""
        self.heading.setText(_("Network"))
        self.choice.setAccessibleName(_("Network"))
        self.title.setText(_("What is saved"))
        for name, contents, file in zip(self.names, self.contents, shared_files(run), strict=True):
            name.set_line(named(wording.escaped(file.name)))
            contents.setText(file.contents)
        self.promise.setText(_("None of your pictures are in these files, and nothing about this computer."))

    def show_outcome(self, words: str, folder: str = "", bad: bool = False) -> None:
        """Say how the last saving ended ("" for none); `folder` offers to open it."""
        self.sign.set_kind("bad" if bad else "check")
        self.outcome.setText(words)
        self.folder_link.setText(_("Show in its folder"))
        for part in (self.sign, self.outcome):
            part.setVisible(bool(words))
        self.folder_link.setVisible(bool(folder))


class SharePage(Page):
    """Choose a finished run, see what is written, save it."""

    key = "share"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._run = ""
        self.empty = EmptyState("share")
        self.files, self.code = FilesCard(), CodeCard()
        self._content = QWidget()
        both = row(self.files, self.code, spacing=16)
        both.setStretch(1, 1)
        self._content.setLayout(both)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._content)
        self._box = QVBoxLayout(self)
        self._box.addWidget(self._stack)
        self.empty.acted.connect(self._train_first)
        self.files.choice.activated.connect(self._chosen)
        self.files.folder_link.clicked.connect(self._show_folder)
        self.code.script.clicked.connect(self._save_script)
        studio.runs_changed.connect(self._refresh)
        studio.export_changed.connect(self._refresh)
        studio.scan_changed.connect(self._refresh_empty)
        self.retranslate()

    # --- what the header shows

    def title(self) -> str:
        return _("Share")

    def status(self) -> str:
        run = self.run()
        if run is None:
            return _("There is no trained network to save yet.")
        if self.studio.exporting.running:
            return _("Saving the network…")
        return _("{run}: {network}, {score}.").format(
            run=run_words.run_title(run), network=run_words.network_name(run), score=run_words.score_words(run)
        )

    def primary(self) -> Primary | None:
        if self.run() is None:
            return None
        words = (_("Save the network…"), _("Saving…"))
        running = self.studio.exporting.running
        return Primary(words[1] if running else words[0], enabled=not running, icon="download", widest=words)

    def activate_primary(self) -> None:
        self.save()

    # --- what a person can do here

    def run(self) -> RunFolder | None:
        """The chosen run, else the newest finished one."""
        runs = finished(self.studio.runs)
        return next((run for run in runs if str(run.path) == self._run), next(iter(runs), None))

    def show_run(self, path: str) -> None:
        """Choose a run by its folder."""
        self._run = path
        self._refresh()

    def save(self) -> None:
        """Ask where to, and save the chosen run's network there."""
        run = self.run()
        if run is None or self.studio.exporting.running:
            return
        place = self.studio.settings.choice("shared_to", os.path.expanduser("~"))
        kinds = _("Network ({patterns})").format(patterns="*.pth")
        file, _kind = QFileDialog.getSaveFileName(
            self, _("Save the network"), os.path.join(place, default_name(run)), kinds
        )
        if file:
            self.studio.settings.choose("shared_to", os.path.dirname(file))
            self.studio.export(str(run.path), file if file.lower().endswith((".pth", ".pt")) else f"{file}.pth")

    def _save_script(self) -> None:
        if run := self.run():
            self.studio.keeper.save_code(run, self)

    def _chosen(self, at: int) -> None:
        self.show_run(self.files.choice.itemData(at))

    def _train_first(self) -> None:
        self.studio.page_wanted.emit("train" if self.studio.scan.usable else "data")

    def _show_folder(self) -> None:
        if self.studio.exporting.files:
            show_folder(os.path.dirname(self.studio.exporting.files[0]))

    # --- what is shown

    def retranslate(self) -> None:
        self.code.retranslate()
        self._refresh_empty()
        self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)
        self.files.setFixedWidth(LEFT_NARROW if self.narrow() else LEFT)

    def _refresh_empty(self) -> None:
        words = _("Here a trained network is saved as files for other programs. There is none yet.")
        self.empty.set_words(
            words, _("Train a network first") if self.studio.scan.usable else _("Choose pictures first")
        )

    def _refresh(self) -> None:
        run = self.run()
        self._stack.setCurrentWidget(self._content if run is not None else self.empty)
        if run is not None:
            self._fill(run)
            self.files.show_run(run)
            self._show_outcome(run)
        self.header_changed.emit()

    def _fill(self, run: RunFolder) -> None:
        runs = finished(self.studio.runs)
        same = run_words.on_same_data(runs)
        self.files.choice.fill([(_line(found, same), str(found.path)) for found in runs])
        self.files.choice.choose(str(run.path))
        self.files.choice.setToolTip(plain_tip(self.files.choice.currentText()))

    def _show_outcome(self, run: RunFolder) -> None:
        last = self.studio.exporting
        mine = last.run == str(run.path)
        saved = last.files[0] if mine and last.files else ""
        self.code.show_code(code_for(run, Path(saved).name))
        if mine and last.failure is not None:
            self.files.show_outcome(describe(last.failure), bad=True)
        elif saved and not last.running:
            folder = os.path.dirname(saved)
            words = _("Saved as {name} in {folder}, with its two files beside it.").format(
                name=places.name(saved), folder=wording.escaped(folder)
            )
            self.files.show_outcome(words, folder)
        else:
            self.files.show_outcome("")


def _line(run: RunFolder, same_data: bool) -> str:
    values = {"run": run_words.run_title(run), "data": run_words.data_name(run), "score": run_words.score_words(run)}
    if same_data or not values["data"]:
        return _("{run}, {score}").format(**values)
    return _("{run} on {data}, {score}").format(**values)
