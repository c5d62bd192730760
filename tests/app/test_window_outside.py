from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from tests.app.conftest import Process
from tests.app.plain_pages import KEYS, activate, batch, forget, page, plain, start_run
from tests.fakes import FakeEngines
from vgg_studio.app import diagnostics, focus, trace
from vgg_studio.app.dialogs import ClosingDialog, at_stake
from vgg_studio.app.pages import Loader
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import ScanJob
from vgg_studio.core.progress import Progress, folded

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
