from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.app.conftest import Process
from tests.app.playing import row
from vgg_studio.app import theme
from vgg_studio.app.chart_data import (
    LABEL_GAP,
    ChartData,
    loss_numbers,
    loss_top,
    reading_words,
    spread,
    x_end,
    x_numbers,
)
from vgg_studio.app.chart_parts import Curve
from vgg_studio.app.chart_slot import ChartSlot, plots_loaded
from vgg_studio.app.charts import REDRAW_MS, Charts
from vgg_studio.core import language
from vgg_studio.core.events import EpochRow
from vgg_studio.core.progress import Point, Progress


def grown(rounds: int, part: float = 0.65) -> Progress:
    progress = Progress(epochs=20, best_epoch=min(5, rounds))
    steps = int((rounds + part) * 20)
    progress.curve = [
        Point(at / 20, 0.25 + 1.7 / (1 + at / 20), 0.93 - 0.6 / (1 + at / 20)) for at in range(1, steps + 1)
    ]
    progress.rows = [row(epoch) for epoch in range(1, rounds + 1)]
    return progress


@pytest.fixture
def charts(application: QApplication, process: Process) -> Charts:
    made = Charts()
    made.resize(664, 552)
    made.show()
    process(ms=2 * REDRAW_MS)
    return made


def drawn(charts: Charts, progress: Progress) -> Charts:
    charts.show_progress(progress)
    charts.redraw()
    charts.grab()  # pyqtgraph settles its transformations when it paints
    return charts


# --- the rules of the axes


@given(st.floats(0, 10_000), st.floats(0, 0.5))
def test_that_the_axis_of_rounds_leaves_a_fifth_free_and_is_a_multiple_of_five(rounds: float, room: float) -> None:
    end = x_end(rounds, room)
    assert end >= 10
    assert end % 5 == 0
    assert rounds <= end * (1 - max(0.2, room)) + 1e-3


@given(st.integers(2, 2_500))
def test_that_few_rounds_are_written_under_the_axis_in_even_steps_from_zero(fives: int) -> None:
    numbers = x_numbers(5 * fives)
    assert numbers[0] == 0
    assert 3 <= len(numbers) <= 16
    assert len({after - before for before, after in itertools.pairwise(numbers)}) == 1


def test_that_the_drawn_axis_ends_at_ten_rounds_and_a_finished_one_at_twenty_five() -> None:
    assert x_end(6.65) == 10
    assert x_end(20) == 25
    assert x_numbers(25) == [0, 5, 10, 15, 20, 25]


@given(st.floats(1e-6, 1e6))
def test_that_the_loss_axis_ends_at_a_round_number_above_the_loss(highest: float) -> None:
    top = loss_top(highest)
    assert highest <= top * (1 + 1e-6)
    assert top <= 2.01 * highest
    numbers = loss_numbers(top)
    assert numbers[0][0] == 0
    assert numbers[-1][0] == pytest.approx(top)


@pytest.mark.parametrize(("highest", "words"), [(1.98, ["0.0", "0.5", "1.0", "1.5", "2.0"]), (0.09, ["0.00", "0.10"])])
def test_that_the_numbers_of_the_loss_axis_have_the_decimals_they_need(highest: float, words: list[str]) -> None:
    assert [text for _value, text in loss_numbers(loss_top(highest))][:: 1 if len(words) > 2 else 5] == words


@given(st.lists(st.floats(0, 200), min_size=1, max_size=3))
def test_that_labels_keep_their_order_and_a_line_of_distance(wanted: list[float]) -> None:
    placed = spread(wanted, 10, 190)
    ordered = [place for _wish, place in sorted(zip(wanted, placed, strict=True))]
    assert all(after - before >= LABEL_GAP - 1e-6 for before, after in itertools.pairwise(sorted(ordered)))
    assert all(10 - 1e-6 <= place <= 190 + 1e-6 for place in placed)


def test_that_two_labels_that_are_too_near_both_give_way() -> None:
    assert spread([104, 100], 0, 200) == [112, 92]


# --- the numbers behind the curves


def test_that_a_growing_curve_is_taken_over_point_by_point() -> None:
    data, progress = ChartData(), grown(2)
    data.follow(progress)
    progress.curve.append(Point(2.9, 0.5, 0.8))
    data.follow(progress)
    assert data.count == len(progress.curve)
    assert data.train[0][-1] == pytest.approx(2.9)
    assert data.train[2][-1] == pytest.approx(80)


def test_that_a_curve_cut_by_a_resume_is_read_anew() -> None:
    data, progress = ChartData(), grown(3)
    data.follow(progress)
    progress.curve = [point for point in progress.curve if point.x <= 2]
    data.follow(progress)
    assert data.count == len(progress.curve)
    assert data.train[0][-1] == pytest.approx(2.0)


def test_that_a_head_which_has_learned_all_at_once_does_not_push_its_checks_out_of_the_plot() -> None:
    data, progress = ChartData(), Progress()
    progress.curve.append(Point(1.0, 0.002, 1.0))
    progress.rows.append(EpochRow(epoch=1, train_loss=0.002, val_loss=0.38, val_accuracy=0.88))
    data.follow(progress)
    assert data.highest_loss() == pytest.approx(0.38)


def test_that_a_loss_that_explodes_leaves_the_plot_instead_of_flattening_it() -> None:
    data, progress = ChartData(), grown(2)
    progress.rows.append(EpochRow(epoch=3, train_loss=900.0, val_loss=900.0, val_accuracy=0.2))
    data.follow(progress)
    assert data.highest_loss() == pytest.approx(3 * data.train[1][0])


def test_that_numbers_that_are_none_are_gaps_and_no_error() -> None:
    data, progress = ChartData(), grown(1)
    progress.curve.append(Point(1.9, None, None))
    progress.rows.append(EpochRow(epoch=2, diverged=True))
    data.follow(progress)
    assert math.isnan(data.train[1][-1])
    assert math.isnan(data.val[1][-1])


def test_that_a_reading_names_the_round_and_both_values() -> None:
    data = ChartData()
    data.follow(grown(6))
    reading = data.at(4.3)
    assert reading is not None
    assert reading.at == 4
    assert reading_words(reading) == (
        "round 4: training 0.40, validation 0.42",
        "round 4: training 86.0\u00a0%, validation 87.0\u00a0%",
    )


# --- the plots


def test_that_both_plots_share_one_axis_of_rounds_and_one_left_edge(charts: Charts) -> None:
    drawn(charts, grown(6))
    loss, accuracy = charts.loss.widget, charts.accuracy.widget
    assert charts.accuracy.view.linkedView(0) is charts.loss.view
    assert loss.getAxis("left").width() == accuracy.getAxis("left").width() == 48
    assert loss.getPlotItem().getViewBox().viewRange()[0] == accuracy.getPlotItem().getViewBox().viewRange()[0]
    assert abs(loss.height() - accuracy.height()) <= 1


def test_that_accuracy_always_reaches_from_zero_to_a_hundred(charts: Charts) -> None:
    for rounds in (0, 1, 20):
        drawn(charts, grown(rounds))
        low, high = charts.accuracy.view.viewRange()[1]
        assert low == 0
        assert 100 <= high < 106


def test_that_each_curve_is_named_at_its_end_with_its_last_value(charts: Charts) -> None:
    drawn(charts, grown(6))
    train, val = (label.words.toPlainText() for label in charts.accuracy.labels)  # with plain spaces
    assert val == "validation 87.5 %"
    assert train.startswith("training 8")


def test_that_names_at_curve_ends_never_overlap(charts: Charts) -> None:
    for rounds in range(1, 21):
        drawn(charts, grown(rounds))
        for plot in (charts.loss, charts.accuracy):
            first, second = (label.words.sceneBoundingRect().center().y() for label in plot.labels)
            assert abs(first - second) >= LABEL_GAP - 1


@pytest.mark.parametrize("code", ["en", "pseudo"])
@pytest.mark.parametrize("rounds", [1, 6, 8, 20])
def test_that_names_at_curve_ends_are_never_cut_off(charts: Charts, process: Process, rounds: int, code: str) -> None:
    from vgg_studio import paths

    language.use(code, paths.locales())
    charts.resize(600, 420)
    process()
    drawn(charts, grown(rounds))
    for plot in (charts.loss, charts.accuracy):
        for label in plot.labels:
            assert label.words.sceneBoundingRect().right() <= plot.widget.width() + 1


def test_that_the_best_round_has_a_ring_a_line_and_its_name(charts: Charts) -> None:
    drawn(charts, grown(6))
    assert charts.loss.best_words.toPlainText() == "best: round 5"
    assert charts.loss.best_line.value() == charts.accuracy.best_line.value() == 5
    assert charts.accuracy.ring.data["x"].tolist() == [5.0]
    assert charts.accuracy.ring.data["y"].tolist() == [pytest.approx(88.1)]
    assert not charts.accuracy.best_words.isVisible()


def test_that_the_name_of_the_best_round_turns_left_near_the_right_end(charts: Charts) -> None:
    nothing = Curve(np.empty(0), np.empty(0))
    sides = []
    for best in (2.0, 9.0):
        charts.loss.show_curves(nothing, nothing, (best, math.nan, "best: round 9"))
        charts.grab()
        line = charts.loss.best_line.sceneBoundingRect().center().x()
        sides.append(charts.loss.best_words.sceneBoundingRect().center().x() > line)
    assert sides == [True, False]


def test_that_empty_plots_hold_their_axes_and_one_sentence(charts: Charts) -> None:
    charts.set_hint("Start training and the curves grow here.")
    drawn(charts, Progress())
    assert charts.hint.isVisible()
    assert charts.loss.view.viewRange()[0][1] == pytest.approx(10)
    drawn(charts, grown(1))
    assert not charts.hint.isVisible()


def test_that_a_run_without_validation_draws_one_curve(charts: Charts) -> None:
    progress = grown(2)
    progress.rows = [EpochRow(epoch=line.epoch, train_loss=line.train_loss) for line in progress.rows]
    progress.best_epoch = 0
    drawn(charts, progress)
    train, val = charts.loss.labels
    assert train.words.isVisible()
    assert not val.words.isVisible()


def test_that_the_pointer_shows_one_line_in_both_plots_and_its_values_above(charts: Charts, process: Process) -> None:
    drawn(charts, grown(6))
    plot = charts.accuracy.widget
    scene = charts.accuracy.view.mapViewToScene(charts.accuracy.view.viewRect().center())
    round_4 = scene.x() + (4 - 5) * charts.accuracy.plot_width() / 10
    at = plot.viewport().mapTo(charts, QPoint(round(round_4), round(scene.y())))
    QTest.mouseMove(charts.windowHandle(), at)
    process()
    assert charts.loss.pointer_line.isVisible()
    assert charts.loss.pointer_line.value() == charts.accuracy.pointer_line.value() == 4
    assert charts.titles[0][1].text() == "round 4: training 0.40, validation 0.42"
    charts.accuracy.left.emit()
    assert charts.titles[0][1].text() == "how wrong the answers are, lower is better"
    assert not charts.loss.pointer_line.isVisible()


def test_that_the_wheel_zooms_nothing_and_no_menu_opens(charts: Charts) -> None:
    drawn(charts, grown(6))
    before = charts.loss.view.viewRange()
    assert charts.loss.view.state["mouseEnabled"] == [False, False]
    assert not charts.loss.view.menuEnabled()
    QTest.mouseClick(charts.loss.widget.viewport(), Qt.MouseButton.RightButton)
    QTest.mousePress(charts.loss.widget.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 60))
    QTest.mouseMove(charts.loss.widget.viewport(), QPoint(300, 100))
    QTest.mouseRelease(charts.loss.widget.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    assert charts.loss.view.viewRange() == before


def test_that_only_the_lines_are_smoothed_and_long_ones_are_thinned_to_what_is_seen(charts: Charts) -> None:
    for plot in (charts.loss, charts.accuracy):
        for item in (plot.train, plot.val):
            assert item.opts["antialias"]
            assert item.opts["autoDownsample"]
            assert item.opts["clipToView"]


class CountingCharts(Charts):
    """Counts how often it is drawn."""

    draws = 0

    def redraw(self) -> None:
        self.draws += 1


def test_that_a_flood_of_progress_is_drawn_by_the_timer_alone(application: QApplication, process: Process) -> None:
    charts = CountingCharts()
    charts.show()
    process(until=lambda: charts.draws > 0)
    charts.draws = 0
    for _time in range(500):
        charts.show_progress(grown(1))
    assert charts.draws == 0
    process(until=lambda: charts.draws > 0)
    assert charts.draws == 1


def test_that_hidden_plots_are_not_drawn(charts: Charts) -> None:
    charts.hide()
    drawn(charts, grown(6))
    assert charts.data.empty


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_that_the_plots_take_the_colours_of_the_scheme_at_once(charts: Charts, scheme: str) -> None:
    drawn(charts, grown(6))
    theme.choose(scheme)
    charts.retheme()
    assert charts.loss.val.opts["pen"].color().name() == theme.color("link").name()
    assert charts.loss.train.opts["pen"].color().name() == theme.color("ptrain").name()
    assert charts.loss.widget.backgroundBrush().color().name() == theme.color("card").name()
    assert charts.loss.labels[1].words.color.name() == theme.color("link").name()


def test_that_a_screen_reader_hears_the_last_values(charts: Charts) -> None:
    drawn(charts, grown(6))
    assert charts.loss.widget.accessibleName().startswith("Loss, training 0.")
    assert charts.loss.widget.accessibleName().endswith("validation 0.40")


def test_that_the_slot_waits_for_the_plots_to_be_loaded(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = ChartSlot()
    slot.set_hint("Nothing yet.")
    with monkeypatch.context() as early:
        early.delitem(sys.modules, "pyqtgraph")
        slot.show()
        process(ms=150)
        assert not plots_loaded()
        assert not slot.findChildren(Charts)
    process(until=lambda: bool(slot.findChildren(Charts)))
    assert slot.findChildren(Charts)[0].hint.text() == "Nothing yet."
