from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QWidget

from tests.app.conftest import Process
from tests.app.plain_pages import KEYS, activate, batch, forget, page, plain, press, start_run
from tests.fakes import FakeEngines
from vgg_studio.app import qt_words, theme
from vgg_studio.app.header import HeaderButton, ProgressLine
from vgg_studio.app.page import Primary
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.rail import ROW
from vgg_studio.app.state import Studio
from vgg_studio.app.widgets import PlainButton
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev, language

# --- pages and keys


def test_that_the_keys_lead_to_the_pages(window: Window, process: Process) -> None:
    activate(window)
    for number, key in enumerate(KEYS[:5], start=1):
        press(window, f"Ctrl+{number}")
        assert window.shown == key
        assert window.header.title.text() == key.title()
        assert window.rail.pages.currentIndex().data(ROW).key == key
    press(window, "Ctrl+,")
    assert window.shown == "settings"
    assert not window.rail.pages.currentIndex().isValid()


def test_that_the_usual_keys_reach_the_page(window: Window) -> None:
    activate(window)
    window.show_page("results")
    forget(window)
    press(window, "F5")
    press(window, "Esc")
    assert page(window, "results").calls == ["rescan", "cancel"]
    press(window, "Ctrl+O")
    assert window.shown == "data"
    assert page(window, "data").calls == ["choose"]


def test_that_the_rail_leads_to_the_pages_by_mouse_and_arrow_keys(window: Window) -> None:
    pages = window.rail.pages
    place = pages.visualRect(pages.rows.index(3)).center()
    QTest.mouseClick(pages.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.shown == "predict"
    QTest.keyClick(pages, Qt.Key.Key_Down)
    assert window.shown == "share"


def test_that_a_page_that_is_not_made_yet_appears_when_it_is(studio: Studio, process: Process) -> None:
    window = Window(studio, {key: plain(key) for key in KEYS})
    window.show()
    window.show_page("train")
    assert window.header.title.text() == "Train"
    assert window.header.status.whole() == "Getting ready…"
    window.make_page("train")
    assert window.stack.currentWidget() is window.pages["train"]
    assert window.header.status.whole() == "This is train."


def test_that_a_narrow_window_shows_icons_and_tells_the_words_as_tooltips(window: Window, process: Process) -> None:
    window.resize(1280, 800)
    process()
    row = window.rail.pages.rows.index(0)
    assert (window.rail.width(), row.data(Qt.ItemDataRole.ToolTipRole)) == (200, None)
    window.resize(1024, 700)
    process()
    assert (window.rail.width(), row.data(Qt.ItemDataRole.ToolTipRole)) == (56, "<span>Data</span>")
    assert (window.width(), window.height()) == (1024, 700)


def test_that_the_window_s_place_is_kept(window: Window, studio: Studio, process: Process) -> None:
    window.resize(1024, 730)  # the offscreen platform has a small screen
    process()
    window.close()
    again = Window(studio, {"data": plain("data"), "settings": plain("settings")})
    assert (again.width(), again.height()) == (1024, 730)


def test_that_the_language_changes_while_the_window_is_open(window: Window, studio: Studio) -> None:
    forget(window)
    studio.set_language("pseudo")
    language.use("pseudo", Path())
    studio.language_changed.emit()
    assert window.rail.pages.rows.index(0).data().startswith("Data~")
    assert all("words" in page(window, key).calls for key in KEYS)


def test_that_qt_speaks_chinese_too(application: QApplication) -> None:
    qt_words.speak("zh_CN")
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "取消"
    qt_words.speak("en")
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "Cancel"


def test_that_the_colours_change_while_the_window_is_open(window: Window, studio: Studio) -> None:
    forget(window)
    studio.set_scheme("dark")
    assert all(page(window, key).calls == ["colours"] for key in KEYS)
    shown = window.grab().toImage().pixelColor(window.width() - 10, window.height() - 10)
    assert shown == theme.color("bg")


# --- the header


def test_that_the_one_button_is_as_wide_as_its_widest_word(application: QApplication) -> None:
    button = HeaderButton()
    words = ("Start", "Continue from round 12")
    widths = set()
    for text in words:
        button.show_primary(Primary(text, widest=words))
        widths.add(button.width())
    assert len(widths) == 1
    button.show_primary(None)
    assert button.isHidden()


def test_that_the_one_button_hears_nothing_for_a_moment_after_it_changed(
    application: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    button, pressed, now = HeaderButton(), [], [100.0]
    monkeypatch.setattr("vgg_studio.app.header.time.monotonic", lambda: now[0])
    button.pressed_in_time.connect(lambda: pressed.append(button.words()))
    button.show_primary(Primary("Start"))
    for seconds, text in ((0.3, "Start"), (0.2, "Start"), (0.0, "Pause"), (0.39, "Pause"), (0.02, "Pause")):
        now[0] += seconds
        button.show_primary(Primary(text))
        button.click()
    assert pressed == ["Start", "Pause"]


def test_that_enter_held_down_presses_once(application: QApplication) -> None:
    button = PlainButton("Go")
    clicks: list[bool] = []
    button.clicked.connect(lambda: clicks.append(True))
    for again in (False, True, True):
        press_event = QKeyEvent(
            QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", autorep=again
        )
        QApplication.sendEvent(button, press_event)
    assert len(clicks) == 1


def test_that_a_message_takes_the_sentence_s_place_until_the_page_changes(window: Window, studio: Studio) -> None:
    window.show_page("data")
    studio.message.emit("Something happened.")
    assert window.header.status.whole() == "Something happened."
    window.show_page("train")
    assert window.header.status.whole() == "This is train."


def test_that_only_the_page_that_is_shown_speaks_in_the_header(window: Window) -> None:
    window.show_page("data")
    page(window, "train").words = Primary("Elsewhere")
    page(window, "train").header_changed.emit()
    assert window.header.button.words() == "Go"
    page(window, "data").words = Primary("Here")
    page(window, "data").header_changed.emit()
    assert window.header.button.words() == "Here"


# --- a run, seen from every page


def test_that_a_run_is_seen_on_every_page(window: Window, studio: Studio, engines: FakeEngines) -> None:
    order = start_run(studio, engines)
    row = window.rail.pages.rows.index(1)
    assert row.data(ROW).badge == "…"
    assert not window.line.isHidden()
    engines.send(order, batch(7))
    assert row.data(ROW).badge == "7/20"
    assert row.data() == "Train 7/20"
    assert window.line.value() == pytest.approx(1000 * studio.progress.share_done, abs=1)
    engines.send(order, ev.RunEnded(outcome="finished"))
    assert row.data(ROW).badge == ""
    assert window.line.isHidden()


def test_that_the_progress_line_lies_over_the_header_s_edge(window: Window, process: Process) -> None:
    for width, left in ((1280, 200), (1024, 56)):
        window.resize(width, 800)
        process()
        assert window.line.geometry().getRect() == (0, 54, width - left, 3)


def test_that_the_progress_line_wanders_while_nothing_is_known(application: QApplication) -> None:
    parent = PlainButton()
    line = ProgressLine(parent)
    line.show_share(None)
    assert line._timer.isActive()
    line.show_share(0.25)
    assert (line._timer.isActive(), line.value()) == (False, 250)


class Shown(QObject):
    """Notes every window that is shown, however short."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(type(watched).__name__)
        return False


@pytest.mark.parametrize("key", FACTORIES)
def test_that_making_a_page_flashes_no_window(
    studio: Studio, application: QApplication, process: Process, key: str
) -> None:
    shown = Shown()
    application.installEventFilter(shown)
    made = FACTORIES[key](studio)
    process()
    application.removeEventFilter(shown)
    assert shown.windows == []
    made.deleteLater()
