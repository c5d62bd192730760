"""The rules of the look that can be counted, held on every page at every moment of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLabel,
    QLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QStackedLayout,
    QToolButton,
    QWidget,
)

from tests.app import scenes
from tests.app.conftest import Process
from tests.app.scenes import SCENES
from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import theme
from vgg_studio.app.data_page import DataPage
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.state import Studio
from vgg_studio.app.widgets import Elided
from vgg_studio.app.window import Window
from vgg_studio.core import language

KEYS = tuple(FACTORIES)
SMALL = (1024, 700)
Play = Callable[[str], Window]
Kind = TypeVar("Kind", bound=QWidget)


@pytest.fixture
def play(studio: Studio, engines: FakeEngines, process: Process) -> Iterator[Play]:
    """The real window with all its pages at a moment of a session, in its smallest size."""
    import pyqtgraph  # noqa: F401 - the plots wait for it

    made: list[Window] = []

    def build(scene: str) -> Window:
        window = Window(studio, ask=lambda _studio, _parent: True)
        made.append(window)
        window.resize(*SMALL)
        for key in KEYS:
            window.make_page(key)
        window.show()
        SCENES[scene](studio, engines)
        process(ms=20)
        return window

    yield build
    for window in made:
        window.close()


def show(window: Window, key: str, process: Process) -> None:
    window.show_page(key)
    process(ms=60)  # the plots look every 50 ms whether they can be made


def visible(window: QWidget, kind: type[Kind]) -> list[Kind]:
    """What of this kind is on the screen; what pyqtgraph keeps inside its plots is its own."""
    found = (widget for widget in window.findChildren(kind) if widget.isVisible() and widget.window() is window)
    return [widget for widget in found if not inside(widget, QGraphicsView)]


def name_of(widget: QWidget) -> str:
    words = getattr(widget, "text", lambda: "")()
    return f"{type(widget).__name__} {widget.objectName()} {words!r} {widget.geometry().getRect()}"


def inside(widget: QWidget, kind: type[QWidget]) -> bool:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, kind):
        parent = parent.parentWidget()
    return parent is not None


def clipped(label: QLabel) -> bool:
    if isinstance(label, Elided) or not label.text() or label.textFormat() == Qt.TextFormat.RichText:
        return False
    room = label.contentsRect()
    if label.wordWrap():
        return label.heightForWidth(label.width()) > label.height() + 1
    lines = label.text().split("\n")
    wide = max(label.fontMetrics().horizontalAdvance(line) for line in lines)
    return wide > room.width() + 1 or label.fontMetrics().height() * len(lines) > label.height() + 1


def outside(widget: QWidget, window: Window) -> bool:
    """Whether a part of the widget lies behind its parent's or the window's edge, and cannot be scrolled to."""
    parent = widget.parentWidget()
    if parent is None or inside(widget, QAbstractScrollArea):
        return False
    corner = widget.mapTo(window, QPoint(0, 0))
    within_window = window.rect().contains(widget.rect().translated(corner))
    return not (within_window and parent.rect().adjusted(-4, -4, 4, 4).contains(widget.geometry()))


def faults(window: Window) -> list[str]:
    """Everything on the screen that has not the room that it needs."""
    found = [f"cut: {name_of(label)}" for label in visible(window, QLabel) if clipped(label)]
    found += [
        f"cut: {name_of(button)}, needs {button.sizeHint().width()}"
        for button in (*visible(window, QPushButton), *visible(window, QToolButton))
        if button.text() and button.sizeHint().width() > button.width() + 1
    ]
    for choice in visible(window, QComboBox):
        needed = choice.fontMetrics().horizontalAdvance(choice.currentText()) + 12 + 32
        if needed > choice.width() + 1 and not choice.toolTip():
            found.append(f"cut: {name_of(choice)} {choice.currentText()!r}, needs {needed}")
    kinds = (QLabel, QAbstractButton, QComboBox, QAbstractSpinBox)
    found += [f"outside: {name_of(w)}" for kind in kinds for w in visible(window, kind) if outside(w, window)]
    return found


def speak(studio: Studio, code: str) -> None:
    language.use(code, paths.locales())
    studio.language_changed.emit()


@pytest.mark.parametrize("code", ["en", "zh_CN", "pseudo"])
@pytest.mark.parametrize("scene", SCENES)
def test_that_nothing_is_cut_in_the_smallest_window(
    play: Play, studio: Studio, process: Process, scene: str, code: str
) -> None:
    window = play(scene)
    speak(studio, code)
    found = []
    for key in KEYS:
        show(window, key, process)
        found += [f"{key}: {fault}" for fault in faults(window)]
    assert not found, "\n".join(found)
    assert (window.width(), window.height()) == SMALL


@pytest.mark.parametrize("code", ["en", "zh_CN", "pseudo"])
def test_that_nothing_is_cut_whatever_was_noticed(play: Play, studio: Studio, process: Process, code: str) -> None:
    window = play("sick")
    speak(studio, code)
    show(window, "data", process)
    page = window.pages["data"]
    assert isinstance(page, DataPage)
    rows = page.folder.noticed.list.table.rows
    assert len(rows) == 17
    found = []
    for row in rows:
        page.folder.noticed.choose(row.kind)
        page.folder.pictures.found.selectAll()
        process(ms=20)
        found += [f"{row.kind}: {fault}" for fault in faults(window)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scene", SCENES)
def test_that_a_page_has_one_filled_button_at_most(play: Play, process: Process, scene: str) -> None:
    window = play(scene)
    for key in KEYS:
        show(window, key, process)
        filled = [button for button in visible(window, QPushButton) if button.property("kind") == "primary"]
        assert len(filled) <= 1, f"{key}: {[button.text() for button in filled]}"


@pytest.mark.parametrize("scene", SCENES)
def test_that_every_control_has_a_name_for_those_who_do_not_see_it(play: Play, process: Process, scene: str) -> None:
    window = play(scene)
    nameless = []
    for key in KEYS:
        show(window, key, process)
        kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QAbstractItemView, QSlider, QProgressBar)
        for widget in {found for kind in kinds for found in visible(window, kind)}:
            inner = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox)
            drawn = widget.objectName().startswith("qt_") or isinstance(widget.parentWidget(), QAbstractItemView)
            if not (inner or drawn or widget.accessibleName() or getattr(widget, "text", str)()):
                nameless.append(f"{key}: {name_of(widget)}")
    assert not nameless, "\n".join(nameless)


@pytest.mark.parametrize("scene", SCENES)
def test_that_there_are_three_sizes_of_words_and_two_weights(play: Play, process: Process, scene: str) -> None:
    window = play(scene)
    for key in KEYS:
        show(window, key, process)
        for widget in (*visible(window, QLabel), *visible(window, QAbstractButton), *visible(window, QComboBox)):
            assert widget.font().pixelSize() in (13, 20, 32), f"{key}: {name_of(widget)}"
            assert int(widget.font().weight()) in (400, 600), f"{key}: {name_of(widget)}"


@pytest.mark.parametrize("scene", ["nothing", "read", "training", "answered"])
def test_that_layouts_keep_to_the_steps_of_space(play: Play, process: Process, scene: str) -> None:
    window = play(scene)
    allowed = {-1, 0, 1, 2, 6, *theme.SPACE, *(step - 1 for step in theme.SPACE)}  # none, thin fields; less a border
    for key in KEYS:
        show(window, key, process)
        shown = visible(window, QWidget)
        for layout in window.pages[key].findChildren(QLayout):
            owner = layout.parentWidget()
            if not isinstance(layout, QStackedLayout) and owner in shown:
                side = layout.contentsMargins()
                values = {layout.spacing(), side.top(), side.bottom()}
                assert values <= allowed, f"{key}: {type(owner).__name__} {values - allowed}"


@pytest.mark.parametrize("scene", ["nothing", "read", "training", "finished", "answered"])
def test_that_the_tab_key_goes_from_the_top_left_to_the_bottom_right(play: Play, process: Process, scene: str) -> None:
    """Column by column: within what stands below each other no step goes up, unless it goes to the right."""
    window = play(scene)
    for key in KEYS:
        show(window, key, process)
        stops = tab_stops(window, window.pages[key])
        for earlier, later in pairwise(stops):
            goes_up = later.bottom() <= earlier.top()
            goes_left = later.right() <= earlier.left()
            assert not (goes_up and goes_left), f"{key}: from {earlier} to {later}"
            assert not (goes_up and later.left() <= earlier.left()), f"{key}: from {earlier} to {later}"


def tab_stops(window: Window, page: QWidget) -> list[QRect]:
    """Where the Tab key stops on a page, in its order, as rectangles in the window."""
    found, seen, widget = [], set(), page.nextInFocusChain()
    while widget is not None and widget not in seen:
        seen.add(widget)
        wanted = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
        if (
            wanted
            and page.isAncestorOf(widget)
            and not widget.visibleRegion().isEmpty()
            and widget.focusProxy() is None
        ):
            found.append(widget.rect().translated(widget.mapTo(window, QPoint(0, 0))))
        widget = widget.nextInFocusChain()
    return found


def test_that_a_class_with_an_odd_name_is_an_ordinary_class(
    play: Play, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "CLASSES", ["<img src='/dev/zero'>", "R&D", "<b>bold</b>", "a\u202eb", "x" * 200])
    window = play("answered")
    for key in KEYS:
        show(window, key, process)
        for widget in visible(window, QWidget):
            assert "<img" not in widget.toolTip(), f"{key}: {name_of(widget)}"
            words = widget.text() if isinstance(widget, QLabel) else ""
            plain = isinstance(widget, QLabel) and widget.textFormat() == Qt.TextFormat.PlainText
            assert plain or "<img" not in words, f"{key}: {name_of(widget)}"
        assert not [fault for fault in faults(window) if fault.startswith("outside")], key


@pytest.mark.parametrize("name", ["light", "dark"])
def test_that_every_page_lies_on_the_ground_of_its_scheme(play: Play, process: Process, name: str) -> None:
    window = play("training")
    theme.choose(name)
    for key in KEYS:
        show(window, key, process)
        image = window.grab().toImage()
        assert image.pixelColor(window.width() - 4, window.height() - 4) == theme.color("bg"), key
        assert image.pixelColor(20, 400) == theme.color("rail"), key


def test_that_an_unused_window_does_nothing(play: Play, process: Process) -> None:
    """No timer repaints a window in which nothing goes on."""
    window = play("read")
    show(window, "data", process)
    paints = 0

    class Counter(QWidget):
        def eventFilter(self, watched: object, event: QEvent) -> bool:
            nonlocal paints
            paints += event.type() == QEvent.Type.Paint
            return False

    counter = Counter()
    QApplication.instance().installEventFilter(counter)  # type: ignore[union-attr]
    process(ms=300)
    QApplication.instance().removeEventFilter(counter)  # type: ignore[union-attr]
    assert paints == 0
