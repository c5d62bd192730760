"""The frame: rail, header, pages. It wires and decides nothing: pages say what is shown, the studio what is going on."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PySide6.QtCore import QMimeData, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from vgg_studio.app import dialogs, drops, focus, qt_words, theme
from vgg_studio.app.header import Header, ProgressLine
from vgg_studio.app.page import Page
from vgg_studio.app.pages import FACTORIES, TITLES, Factory, WaitingPage
from vgg_studio.app.rail import Rail, RailRow
from vgg_studio.app.state import Studio
from vgg_studio.core.language import _, current

SMALLEST = QSize(1024, 700)
FIRST = QSize(1280, 800)
Ask = Callable[[Studio, QWidget], bool]


def ask_before_closing(studio: Studio, parent: QWidget) -> bool:
    """Whether the window may close although a training runs."""
    return dialogs.may_close(studio.progress, studio.unsaved_seconds(), parent)


class Window(QMainWindow):
    """The one window."""

    painted = Signal()  # once, after the first paint

    def __init__(
        self, studio: Studio, factories: dict[str, Factory] | None = None, ask: Ask = ask_before_closing
    ) -> None:
        super().__init__()
        self.studio, self._factories, self._ask = studio, factories or FACTORIES, ask
        self.pages: dict[str, Page] = {}
        self.shown = ""
        self._was_painted = False
        self.setMinimumSize(SMALLEST)
        self.setAcceptDrops(True)
        rows = [RailRow(key, key) for key in self._factories if key != "settings"]
        self.rail = Rail(rows, RailRow("settings", "settings"))
        self.header, self.stack = Header(), QStackedWidget()
        self._lay_out()
        self.line = ProgressLine(self._right)
        self._ring = focus.FocusRing(self)
        self._waiting = WaitingPage(studio)
        self.stack.addWidget(self._waiting)
        self._connect()
        self._add_shortcuts()
        self._restore_place()
        self.retranslate()
        self.show_page(next(iter(self._factories)))

    def _lay_out(self) -> None:
        self._right = QWidget()
        right = QVBoxLayout(self._right)
        centre = QWidget()
        whole = QHBoxLayout(centre)
        for box in (right, whole):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(0)
        right.addWidget(self.header)
        right.addWidget(self.stack, 1)
        whole.addWidget(self.rail)
        whole.addWidget(self._right, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        studio = self.studio
        self.rail.chosen.connect(self.show_page)
        self.header.activated.connect(self._activate)
        studio.page_wanted.connect(self.show_page)
        studio.message.connect(self.header.show_message)
        studio.language_changed.connect(self.retranslate)
        studio.theme_changed.connect(self._retheme)
        studio.progress_changed.connect(self._show_run)
        studio.training_changed.connect(self._show_run)

    def _add_shortcuts(self) -> None:
        standard = QKeySequence.StandardKey
        for place, key in enumerate((key for key in self._factories if key != "settings"), start=1):
            self._on(f"Ctrl+{place}", functools.partial(self.show_page, key))
        self._on(standard.Preferences, lambda: self.show_page("settings"))
        self._on("Ctrl+,", lambda: self.show_page("settings"))
        self._on(standard.Open, self.choose_folder)
        self._on(standard.Refresh, lambda: self.page().rescan())
        self._on(standard.Cancel, lambda: self.page().cancel())
        self._on(standard.Paste, self._paste)
        self._on(standard.Quit, self.close)
        self._on(standard.Close, self.close)

    def _on(self, keys: QKeySequence.StandardKey | str, then: Callable[[], object]) -> None:
        shortcut = QShortcut(self)
        shortcut.setKeys([QKeySequence(keys)] if isinstance(keys, str) else QKeySequence.keyBindings(keys))
        shortcut.activated.connect(then)

    def _restore_place(self) -> None:
        if not self.restoreGeometry(self.studio.settings.geometry):
            room = self.screen().availableSize()
            self.resize(FIRST.boundedTo(room).expandedTo(SMALLEST))

    # --- pages

    def page(self) -> Page:
        """The page that is shown; while it is being made, one that says so."""
        return self.pages.get(self.shown, self._waiting)

    def make_page(self, key: str) -> Page:
        """Make a page if there is none yet."""
        if key not in self.pages:
            page = self.pages[key] = self._factories[key](self.studio)
            page.retranslate()
            page.retheme()
            page.header_changed.connect(self.header.refresh)
            self.stack.addWidget(page)
            if key == self.shown:
                self.show_page(key)
        return self.pages[key]

    def show_page(self, key: str) -> None:
        """Show a page; one that is not made yet appears as soon as it is."""
        self.shown = key
        self._waiting.stands_for(key)
        page = self.page()
        self.rail.show_page(key)
        self.stack.setCurrentWidget(page)
        self.header.show_page(page)
        page.entered()

    def choose_folder(self) -> None:
        """Ctrl+O: choose a folder of pictures, on the page that can."""
        self.show_page("data")
        choose = getattr(self.page(), "choose_folder", None)
        if choose is not None:
            choose()

    def _activate(self) -> None:
        self.page().activate_primary()

    def retranslate(self) -> None:
        """Every word anew, in the language that is spoken now."""
        qt_words.speak(current())
        self.setWindowTitle("VGG Studio")
        for key in self._factories:
            self.rail.change(key, text=_(TITLES[key]))
        self.rail.pages.setAccessibleName(_("Pages"))
        self.rail.settings.setAccessibleName(_("Settings"))
        self.line.setAccessibleName(_("Progress of the training"))
        for page in self.pages.values():
            page.retranslate()
        self.header.refresh()

    def _retheme(self) -> None:
        for page in self.pages.values():
            page.retheme()

    def _show_run(self) -> None:
        progress = self.studio.progress
        if not self.studio.training:
            if not self.line.isHidden():
                QApplication.alert(self)  # the end of long work may be noticed from another window
            self.rail.change("train", badge="")
            self.line.stop()
            return
        known = bool(progress.epochs and progress.epoch)
        self.rail.change("train", badge=f"{progress.epoch}/{progress.epochs}" if known else "…")
        measured = progress.batches_seen or progress.phase == "extracting"
        self.line.show_share(progress.share_done if measured else None)
        self.line.raise_()

    # --- what comes from outside

    def _take(self, mime: QMimeData) -> None:
        found = drops.local_paths(mime)
        if not found and (file := drops.picture_file(mime)):
            found = [file]
        if found and not self.page().dropped(found):
            self.studio.open_folder(found[0])
            self.show_page("data")
        elif drops.is_remote(mime):
            self.studio.message.emit(
                _("Only files and folders of this computer can be used; nothing is fetched from elsewhere.")
            )

    def _paste(self) -> None:
        self._take(QGuiApplication.clipboard().mimeData())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if drops.welcome(event.mimeData()):
            event.acceptProposedAction()
            self.page().set_drag_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.page().set_drag_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.page().set_drag_over(False)
        event.setDropAction(Qt.DropAction.CopyAction)  # never moved out of where it lies
        event.accept()
        self._take(event.mimeData())

    # --- the window itself

    def focusNextPrevChild(self, forward: bool) -> bool:
        focus.moved_by_key()
        return super().focusNextPrevChild(forward)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < theme.NARROW_BELOW
        self.rail.set_narrow(narrow)
        self.header.set_narrow(narrow)
        left = theme.RAIL_NARROW if narrow else theme.RAIL_WIDE
        self.line.setGeometry(0, theme.HEADER_HEIGHT - 2, self.width() - left, self.line.height())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._keep_on_a_screen()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self._say_painted)  # when this paint has reached the screen

    def _say_painted(self) -> None:
        self.painted.emit()

    def _keep_on_a_screen(self) -> None:
        if not any(screen.geometry().intersects(self.frameGeometry()) for screen in QGuiApplication.screens()):
            self.move(self.screen().availableGeometry().topLeft())

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.studio.training and not self._ask(self.studio, self):
            event.ignore()
            return
        self.studio.settings.geometry = self.saveGeometry()
        self.studio.settings.save()
        event.accept()
