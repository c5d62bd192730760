"""The first page: a folder of pictures comes in here, is looked through, and goes on to Train."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFileDialog, QStackedLayout, QVBoxLayout

from vgg_studio.app import places
from vgg_studio.app.data_empty import DataEmpty
from vgg_studio.app.data_folder import DataFolder
from vgg_studio.app.left_out_dialog import LeftOutDialog
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.sets_dialog import SetsDialog
from vgg_studio.app.split_dialog import SplitDialog
from vgg_studio.core import wording
from vgg_studio.core.data_sets import is_archive
from vgg_studio.core.errors import sentence_and_remedy
from vgg_studio.core.events import DeviceFact, Failure
from vgg_studio.core.language import _, ngettext

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class DataPage(Page):
    """Either the drop zone (nothing open, or nothing that can be used) or the open folder."""

    key = "data"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.empty, self.folder = DataEmpty(), DataFolder(studio)
        self._box, self._stack = QVBoxLayout(self), QStackedLayout()
        self._box.addLayout(self._stack)  # before it gets its pages: one without a parent would flash up as a window
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.folder)
        self._connect()
        self.setAcceptDrops(False)  # the window takes every drop and asks the page that is shown
        self.retranslate()

    def _connect(self) -> None:
        studio, zone = self.studio, self.empty.zone
        zone.choose.connect(self.choose_folder)
        zone.other.connect(self._zone_other)
        zone.details.connect(self._show_all_left_out)
        zone.sets.connect(self._show_sets)
        self.empty.recent_wanted.connect(self.open_folder)
        self.folder.head.choose.connect(self.choose_folder)
        self.folder.head.recent.connect(self.open_folder)
        self.folder.split.as_folders.clicked.connect(self._write_split)
        self.folder.noticed.suggestion_wanted.connect(self._open_suggestion)
        studio.folder_changed.connect(self._refresh)
        studio.scan_changed.connect(self._refresh)
        studio.corrector.changed.connect(self._refresh)
        for keys, then in ((QKeySequence.StandardKey.Undo, self._undo), (QKeySequence.StandardKey.Redo, self._redo)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(then)
        studio.device_changed.connect(self.header_changed)
        studio.class_wanted.connect(self.folder.classes.list.choose)

    # --- what the header shows

    def title(self) -> str:
        return _("Data")

    def status(self) -> str:
        scan = self.studio.scan
        if self.studio.drawing_samples:
            return _("Drawing the sample pictures…")
        if scan.running:
            if scan.comparing:
                return wording.phase_words("comparing", scan.compared, scan.to_compare)
            return wording.phase_words("unpacking") if scan.unpacking else _reading(scan.done, scan.total)
        if scan.failure:
            return _("This folder cannot be used for training.")
        if scan.stopped:
            return _("Stopped. Read the folder again to use it.")
        if scan.finished:
            return self._ready()
        return device_sentence(self.studio.device)

    def _ready(self) -> str:
        scan, count = self.studio.scan, self.studio.corrector.noticed().to_look_at()
        ready = _("{pictures} in {classes}, ready to train.").format(
            pictures=wording.pictures(scan.count), classes=wording.classes(len(scan.classes))
        )
        if not count:
            return ready
        look = ngettext("{count} deserves a look.", "{count} deserve a look.", count)
        return _("{ready} {look}").format(ready=ready, look=look.format(count=wording.number(count)))

    def primary(self) -> Primary | None:
        scan = self.studio.scan
        words = (_("Train on these pictures"), _("Cancel"), _("Read again"))
        if scan.running:
            return Primary(words[1], filled=False, widest=words)
        if scan.stopped:
            return Primary(words[2], widest=words)
        if scan.usable:
            return Primary(words[0], widest=words)
        return None

    def activate_primary(self) -> None:
        scan = self.studio.scan
        if scan.running:
            self.studio.cancel_scan()
        elif scan.stopped:
            self.studio.rescan()
        elif scan.usable:
            self.studio.page_wanted.emit("train")

    # --- what a person can do here

    def choose_folder(self) -> None:
        """Ask for a folder and open it."""
        start = os.path.dirname(self.studio.folder) if self.studio.folder else os.path.expanduser("~")
        chosen = QFileDialog.getExistingDirectory(self, _("Choose a folder of pictures"), start)
        if chosen:
            self.open_folder(chosen)

    def _show_sets(self) -> None:
        dialog = SetsDialog(self.studio.engines, self)
        dialog.opened.connect(self.open_folder)
        dialog.open()

    def _write_split(self) -> None:
        scan = self.studio.scan
        SplitDialog(self.studio.engines, self.studio.folder, scan.layout, self).open()

    def open_folder(self, path: str) -> None:
        """Open a folder; one of the recent ones that is gone is forgotten as soon as its scan says so."""
        self.studio.message.emit("")  # what was said about an earlier drop is over
        self.studio.open_folder(path)

    def dropped(self, paths: list[str]) -> bool:
        """A folder is opened; of pictures this page can make nothing, and says what it wants instead."""
        folder = next((path for path in paths if os.path.isdir(path) or is_archive(path)), "")
        if folder:
            self.open_folder(folder)
            if len(paths) > 1:
                self.studio.message.emit(_("One folder at a time: {name} was opened.").format(name=places.name(folder)))
        else:
            self.studio.message.emit(_("Drop a whole folder here. Single pictures are named on the Predict page."))
        return True

    def set_drag_over(self, over: bool) -> None:
        """Show that what is dragged over the window can be dropped."""
        self.empty.zone.set_over(over)

    def rescan(self) -> None:
        """Read the folder again."""
        self.studio.rescan()

    def cancel(self) -> bool:
        """Stop reading the folder."""
        if not self.studio.scan.running:
            return False
        self.studio.cancel_scan()
        return True

    def _zone_other(self) -> None:
        if self._suggestion():
            self._open_suggestion()
        elif self._put_right_too_far():
            self.studio.corrector.undo()
        else:
            self.studio.open_samples()

    def _open_suggestion(self) -> None:
        if self._suggestion():
            self.open_folder(os.path.join(self.studio.scan.folder, self._suggestion()))

    def _put_right_too_far(self) -> bool:
        """Whether the folder cannot be used as it was put right by hand."""
        failure = self.studio.scan.failure
        return bool(failure and failure.code == "TooFewPictures" and self.studio.corrector.kept.steps)

    def _suggestion(self) -> str:
        scan = self.studio.scan
        in_failure = scan.failure.values.get("suggestion", "") if scan.failure else ""
        return scan.suggestion or str(in_failure)

    def _undo(self) -> None:
        self.studio.corrector.undo()

    def _redo(self) -> None:
        self.studio.corrector.redo()

    def _show_all_left_out(self) -> None:
        LeftOutDialog(self.studio.scan, self).open()

    # --- what is shown

    def retranslate(self) -> None:
        self.empty.retranslate()
        self._refresh()

    def entered(self) -> None:
        self.empty.show_recent(self.studio.settings.recent)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)

    def _refresh(self) -> None:
        scan = self.studio.scan
        open_now = bool(self.studio.folder) and not scan.failure
        if open_now:
            self.folder.refresh()
        else:
            self._refresh_zone()
        self._stack.setCurrentWidget(self.folder if open_now else self.empty)
        self.header_changed.emit()

    def _refresh_zone(self) -> None:
        scan, zone = self.studio.scan, self.empty.zone
        if scan.failure:
            if scan.failure.code == "FolderMissing":
                self.studio.settings.forget(scan.folder)
            headline, remedy = _in_short(scan.failure)
            other = _("Use {name} instead").format(name=places.name(self._suggestion())) if self._suggestion() else ""
            if not other and self._put_right_too_far():
                other = _("Take back the last correction")
            details = _("Show the files that cannot be read") if scan.left_out_count else ""
            zone.set_words(headline, remedy, other or _("Try with sample pictures"), details, trouble=True)
        else:
            lines = _(
                "It holds one folder for each kind of thing to tell apart.\nThe folders’ names become the answers."
            )
            zone.set_words(_("Drop a folder of pictures here"), lines, _("Try with sample pictures"))
        self.empty.show_recent(self.studio.settings.recent)
        for button in (zone.choose_button, zone.other_button):
            button.setEnabled(not self.studio.drawing_samples)


def device_sentence(device: DeviceFact | None) -> str:
    """What a training would run on, before there is anything else to say."""
    if device is None:
        return _("Getting ready…")
    if device.kind != "cpu":
        return _("Ready. Training will use the graphics card {name}.").format(name=wording.device_title(device))
    words = ngettext(
        "Ready. Training will use the processor, {count} core",
        "Ready. Training will use the processor, {count} cores",
        device.cores,
    ).format(count=device.cores)
    reason = wording.device_reason(device) if device.reason != "no_gpu" else _("no graphics card was found")
    return _("{words}; {reason}.").format(words=words, reason=reason) if reason else _("{words}.").format(words=words)


def _reading(done: int, total: int) -> str:
    if not total:
        return wording.phase_words("listing")
    words = ngettext("Reading {done} of {total} picture", "Reading {done} of {total} pictures", total)
    return words.format(done=wording.number(done), total=wording.number(total))


def _in_short(failure: Failure) -> tuple[str, str]:
    """Sentence and remedy with the folder's name instead of its whole path, nothing in them that could do harm."""
    values = {
        name: wording.escaped(value) if isinstance(value, str) else value for name, value in failure.values.items()
    }
    if "path" in failure.values:
        values["path"] = places.name(str(failure.values["path"]))
    return sentence_and_remedy(Failure(code=failure.code, values=values))
