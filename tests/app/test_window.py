from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QPushButton

from tests.app.conftest import Process
from tests.fakes import FakeEngines
from vgg_studio.app import diagnostics, focus, qt_words, theme, trace
from vgg_studio.app.closing import ClosingDialog, at_stake
from vgg_studio.app.header import HeaderButton, ProgressLine
from vgg_studio.app.page import Page, Primary
from vgg_studio.app.pages import Factory, Loader
from vgg_studio.app.rail import ROW
from vgg_studio.app.state import Studio
from vgg_studio.app.widgets import PlainButton
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core import language
from vgg_studio.core.jobs import ScanJob, TrainJob
from vgg_studio.core.progress import Progress, folded


class PlainPage(Page):
    """A page of a few lines that remembers what it was asked to do."""

    def __init__(self, studio: Studio, key: str) -> None:
        self.key = key
        super().__init__(studio)
        self.calls: list[object] = []
        self.words = Primary("Go", widest=("Go", "A much longer word"))
        self.takes_drops = False
        self.field = PlainButton("A button")
        self.field.setParent(self)

    def title(self) -> str:
        return self.key.title()

    def status(self) -> str:
        return f"This is {self.key}."

    def primary(self) -> Primary | None:
        return self.words

    def activate_primary(self) -> None:
        self.calls.append("primary")

    def cancel(self) -> bool:
        self.calls.append("cancel")
        return True

    def rescan(self) -> None:
        self.calls.append("rescan")

    def choose_folder(self) -> None:
        self.calls.append("choose")

    def dropped(self, paths: list[str]) -> bool:
        self.calls.append(paths)
        return self.takes_drops

    def set_drag_over(self, over: bool) -> None:
        self.calls.append(over)

    def retranslate(self) -> None:
        self.calls = [*getattr(self, "calls", []), "words"]

    def retheme(self) -> None:
        self.calls.append("colours")


def plain(key: str) -> Factory:
    return lambda studio: PlainPage(studio, key)


KEYS = ("data", "train", "results", "predict", "share", "settings")
Shown = Callable[..., Window]


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, {key: plain(key) for key in KEYS}, ask=lambda _studio, _parent: True)
    for key in KEYS:
        made.make_page(key)
    made.show()
    process()
    yield made
    made.close()


def page(window: Window, key: str) -> PlainPage:
    found = window.pages[key]
    assert isinstance(found, PlainPage)
    return found


def activate(window: Window) -> None:
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window, 5000)


def forget(window: Window) -> None:
    for key in KEYS:
        page(window, key).calls.clear()


def press(window: Window, keys: str) -> None:
    QTest.keySequence(window, keys)


def start_run(studio: Studio, engines: FakeEngines, *events: ev.Event) -> str:
    studio.folder = "/flowers"
    studio.start_training(TrainJob(epochs=20))
    _, order = engines.last(TrainJob)
    if events:
        engines.send(order, *events)
    return order


def batch(epoch: int, pictures: int = 412) -> ev.BatchEnded:
    return ev.BatchEnded(epoch=epoch, batch=3, batches=9, pictures=pictures, pictures_total=640, loss=1.0, accuracy=0.5)


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


# --- closing


def test_that_closing_while_training_asks(studio: Studio, engines: FakeEngines, process: Process) -> None:
    answers = [False, True]
    window = Window(studio, {key: plain(key) for key in KEYS}, ask=lambda _studio, _parent: answers.pop(0))
    window.show()
    start_run(studio, engines)
    assert not window.close()
    assert window.isVisible()
    assert window.close()
    assert answers == []


def test_that_closing_without_a_training_asks_nothing(studio: Studio, process: Process) -> None:
    window = Window(studio, {key: plain(key) for key in KEYS}, ask=lambda _studio, _parent: pytest.fail("asked"))
    window.show()
    assert window.close()


def test_that_the_question_says_what_is_at_stake() -> None:
    assert at_stake(Progress(), 50.0) == "Nothing has been learned yet, so nothing will be lost."
    words = at_stake(folded([batch(4)]), 125.0)
    assert "about 2 minutes of round 4" in words


def test_that_esc_keeps_the_training_and_enter_pauses_it(window: Window, process: Process) -> None:
    for key, result in ((Qt.Key.Key_Escape, 0), (Qt.Key.Key_Return, 1)):
        dialog = ClosingDialog(Progress(), 1.0, window)
        dialog.open()
        process()
        QTest.keyClick(dialog.leave, key)
        assert dialog.result() == result


# --- what comes from outside


def mime(*paths: Path | str) -> QMimeData:
    found = QMimeData()
    found.setUrls([QUrl(path) if isinstance(path, str) else QUrl.fromLocalFile(str(path)) for path in paths])
    return found


def drop(window: Window, data: QMimeData) -> None:
    middle, actions = QPoint(600, 400), Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(middle, actions, data, buttons, keys)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(middle), actions, data, buttons, keys))


def test_that_what_is_dropped_goes_to_the_page_that_is_shown(window: Window, tmp_path: Path) -> None:
    window.show_page("predict")
    page(window, "predict").takes_drops = True
    forget(window)
    drop(window, mime(tmp_path / "a.jpg", tmp_path / "ü b.jpg"))
    assert page(window, "predict").calls == [True, False, [str(tmp_path / "a.jpg"), str(tmp_path / "ü b.jpg")]]


def test_that_a_folder_that_no_page_wants_is_opened(window: Window, engines: FakeEngines, tmp_path: Path) -> None:
    window.show_page("results")
    drop(window, mime(tmp_path))
    assert engines.last(ScanJob)[0] == ScanJob(data=str(tmp_path))
    assert window.shown == "data"


@pytest.mark.parametrize(
    "address", ["https://example.org/a.jpg", "file://server/share/a.jpg", "data:image/png;base64,x"]
)
def test_that_what_lies_elsewhere_is_refused_in_words(window: Window, engines: FakeEngines, address: str) -> None:
    forget(window)
    drop(window, mime(address))
    assert engines.asked == []
    assert "this computer" in window.header.status.whole()


def test_that_picture_data_becomes_a_file_of_the_cache(window: Window) -> None:
    window.show_page("predict")
    page(window, "predict").takes_drops = True
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(0xFF00FF00)
    QGuiApplication.clipboard().setImage(image)
    forget(window)
    window._paste()
    paths = page(window, "predict").calls[0]
    assert isinstance(paths, list)
    assert QImage(str(paths[0])).pixelColor(1, 1).green() == 255


def test_that_ten_thousand_files_can_be_dropped(window: Window, tmp_path: Path) -> None:
    page(window, "data").takes_drops = True
    forget(window)
    drop(window, mime(*(tmp_path / f"{number}.jpg" for number in range(10_000))))
    (paths,) = [call for call in page(window, "data").calls if isinstance(call, list)]
    assert len(paths) == 10_000


# --- focus


def test_that_the_ring_shows_where_the_keyboard_is_and_follows(window: Window, process: Process) -> None:
    activate(window)
    field = page(window, "data").field
    field.move(50, 50)
    field.show()
    focus.moved_by_key()
    field.setFocus()
    process()
    ring = window._ring
    assert ring.isVisible()
    corner = field.mapTo(window, QPoint(0, 0))
    assert ring.pos() == corner - QPoint(3, 3)
    field.move(90, 80)
    assert ring.pos().x() == corner.x() - 3 + 40
    window.show_page("train")
    process()
    assert ring._target is page(window, "train").field


def test_that_a_click_shows_no_ring(window: Window, process: Process) -> None:
    activate(window)
    focus.moved_by_key()
    QTest.mousePress(page(window, "data").field, Qt.MouseButton.LeftButton)
    page(window, "data").field.setFocus()
    QTest.mouseRelease(page(window, "data").field, Qt.MouseButton.LeftButton)
    focus._by_keyboard = False
    page(window, "data").field.clearFocus()
    page(window, "data").field.setFocus()
    assert not window._ring.isVisible()


# --- the start, and trouble


def test_that_pages_come_one_a_turn_after_the_imports(process: Process) -> None:
    wanted: list[str] = []
    loader = Loader(["a", "b"], modules=("colorsys",))
    loader.wanted.connect(wanted.append)
    ended: list[bool] = []
    loader.done.connect(lambda: ended.append(True))
    loader.start()
    process(until=lambda: bool(ended))
    loader.wait()
    assert wanted == ["a", "b"]


def test_that_the_first_paint_is_told_once(studio: Studio, process: Process) -> None:
    window = Window(studio, {key: plain(key) for key in KEYS})
    painted: list[bool] = []
    window.painted.connect(lambda: painted.append(True))
    window.show()
    process(until=lambda: bool(painted))
    window.update()
    process(ms=20)
    assert painted == [True]


def test_that_the_trace_prints_each_stage_once_and_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trace, "_said", set())
    trace.mark("ready")
    monkeypatch.setenv("VGG_STUDIO_TRACE", "1")
    trace.mark("ready")
    trace.mark("ready")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('{"trace": "ready", "seconds": ')
    assert 0 < time.time() - trace.process_start() < 24 * 3600


def test_that_an_exception_in_a_slot_is_logged_and_told(
    process: Process, expect_log: Callable[[str], None], application: QApplication
) -> None:
    expect_log("ZeroDivisionError")
    told: list[bool] = []
    watch = diagnostics.Diagnostics(lambda: told.append(True))
    try:
        QTimer.singleShot(0, lambda: 1 // 0)
        process(until=lambda: bool(told))
        report = diagnostics.report(ev.DeviceFact(cores=8))
    finally:
        watch.remove()
    assert "ZeroDivisionError" in report
    assert "Processor, 8 cores" in report
    assert str(Path.home()) not in report
    assert diagnostics.without_home(f"in {Path.home()}/run") == "in ~/run"


def test_that_settings_of_an_older_window_do_not_stop_the_start(studio: Studio, process: Process) -> None:
    QSettings(studio.settings._file, QSettings.Format.IniFormat).setValue("geometry", 17)
    window = Window(studio, {key: plain(key) for key in KEYS})
    window.show()
    process()
    assert window.width() >= 1024
    assert window.findChildren(QPushButton)
