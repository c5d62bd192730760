from __future__ import annotations

import pytest

from vgg_studio.core import events as ev, speed_words, vgg

SAID = ev.ForecastFact(seconds_low=38 * 60, seconds_high=45 * 60, memory_bytes=1_200_000_000, disk_bytes=340_000_000)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.2, 0.4, "1 second"),
        (40, 55, "40 to 55 seconds"),
        (70, 130, "1 to 2 minutes"),
        (725, 910, "12 to 15 minutes"),
        (700, 740, "12 minutes"),
        (7000, 12600, "2 to 3.5 hours"),
    ],
)
def test_that_a_range_of_time_is_told_in_one_unit(low: float, high: float, words: str) -> None:
    assert speed_words.span_words(low, high) == words


def test_that_a_forecast_tells_time_memory_and_disk() -> None:
    assert speed_words.forecast_words(SAID) == "About 38 to 45 minutes · 1.2 GB memory · 340 MB disk"


def test_that_a_forecast_is_held_against_what_it_took() -> None:
    ended = ev.RunEnded(outcome="finished", seconds=41 * 60, forecast=SAID)
    assert speed_words.graded(ended) == "Forecast 38 to 45 minutes, took 41 minutes."


@pytest.mark.parametrize("outcome", ["paused", "failed", "discarded"])
def test_that_the_forecast_of_a_training_that_was_stopped_is_not_graded(outcome: ev.Outcome) -> None:
    assert speed_words.graded(ev.RunEnded(outcome=outcome, seconds=41 * 60, forecast=SAID)) == ""
    assert speed_words.graded(ev.RunEnded(outcome="finished", seconds=41 * 60)) == ""


@pytest.mark.parametrize(
    ("way", "threads", "words"),
    [
        (ev.Way(backend="ncnn", workers=2, batch=1), 2, "Winograd fp32 (ncnn), 2 networks on 1 thread each"),
        (ev.Way(backend="ncnn", workers=2, batch=1), 8, "Winograd fp32 (ncnn), 2 networks on 4 threads each"),
        (ev.Way(backend="ncnn", workers=2, batch=1), 0, "Winograd fp32 (ncnn), 2 networks side by side"),
        (ev.Way(convolution="winograd"), 2, "Winograd fp32 (PyTorch), 16 pictures at a time"),
        (ev.Way(convolution="winograd", workers=2), 2, "Winograd fp32 (PyTorch), 2 networks on 1 thread each"),
        (ev.Way(backend="ncnn"), 2, "Winograd fp32 (ncnn), 1 network on 2 threads"),
        (ev.Way(backend="ncnn"), 0, "Winograd fp32 (ncnn)"),
        (ev.Way(precision="bf16", batch=16), 2, "PyTorch bf16, 16 pictures at a time"),
    ],
)
def test_that_a_way_of_computing_is_told_in_plain_words(way: ev.Way, threads: int, words: str) -> None:
    assert speed_words.way_words(way, threads) == words


@pytest.mark.parametrize(
    ("found", "computed", "words"),
    [
        (800, 200, "800 of 1,000 pictures were known already; 200 were computed in 21 seconds."),
        (1000, 0, "All 1,000 pictures were known already."),
        (0, 1000, "Features of 1,000 pictures computed in 21 seconds."),
        (0, 0, ""),
    ],
)
def test_that_what_an_earlier_run_has_left_is_told(found: int, computed: int, words: str) -> None:
    event = ev.FeaturesReady(found=found, computed=computed, seconds=21, way=ev.Way())
    assert speed_words.features_sentence(event) == words


def test_that_a_smaller_batch_is_told_with_what_stays_the_same() -> None:
    told = speed_words.shrunk_sentence(ev.BatchShrunk(batch_size=32, part=8))
    assert told == "Memory was short: 8 pictures at a time instead of 32; a step still learns from all of them."


def test_that_a_quick_look_tells_what_a_run_has_to_beat() -> None:
    look = ev.QuickLook(accuracy=0.865, spread=0.012, folds=5, count=700)
    told = speed_words.quick_look_sentence(look).replace("\u00a0", " ")
    assert told == "A linear layer on the frozen network reaches 86.5 % (± 1.2): the run has to beat that."


def test_that_what_was_measured_is_told_in_pictures_a_second() -> None:
    way = ev.Candidate(way=ev.Way(backend="ncnn", workers=2), macs_per_second=9.4 * 15_346_630_656)
    profile = ev.MachineProfile(machine="m", variant="vgg16", extract=[way], train_precision="bf16")
    first, second = speed_words.profile_sentences(profile, 2)
    expected = "Fastest for VGG-16 here: Winograd fp32 (ncnn), 2 networks on 1 thread each, 9.4 pictures a second."
    assert first == expected
    assert second == "What learns is computed in bf16."


def test_that_the_table_of_forecasts_names_network_and_stage() -> None:
    rows = [
        ev.ForecastRow(variant="vgg16", train_from=stage, trained_parameters=1, forecast=SAID) for stage in vgg.STAGES
    ]
    head, *cells = speed_words.table_cells(rows)
    assert all(len(row) == len(head) for row in cells)
    assert cells[4][:3] == ["VGG-16", "Last block and classifier", "38 to 45 minutes"]
