from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from vgg_studio.core import events as ev, wording
from vgg_studio.core.progress import Progress, folded

STARTED = ev.RunStarted(
    run="r",
    data="d",
    classes=["a", "b"],
    parts={"train": 640, "val": 160, "test": 200},
    variant="vgg16",
    weights="none",
    train_from="fc6",
    parameters=10,
    trained_parameters=5,
    epochs=20,
    batch_size=64,
    device=ev.DeviceFact(),
    precision="fp32",
)


def one_round(epoch: int, best: int, start: float) -> Iterator[ev.Event]:
    """50 s of training in ten batches, 7 s of checking."""
    for batch in range(1, 11):
        yield ev.BatchEnded(
            epoch=epoch, batch=batch, batches=10, pictures=64 * batch, pictures_total=640, time=start + 5 * batch
        )
    yield ev.EpochEnded(
        epoch=epoch,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=0.8 + epoch / 1000,
        learning_rate=0.1,
        images_per_second=12.8,
        seconds=57,
        best_epoch=best,
        time=start + 57,
    )


def after(rounds: int) -> Progress:
    progress = folded([STARTED])
    for epoch in range(1, rounds + 1):
        for event in one_round(epoch, epoch, 1000 + 57 * epoch):
            progress.fold(event)
    return progress


def test_that_the_time_left_follows_the_mean_round() -> None:
    progress = after(6)
    assert progress.round_seconds() == 57
    assert progress.seconds_left() == pytest.approx(14 * 57)
    assert progress.share_done == pytest.approx(0.3)


def test_that_the_first_round_gives_a_time_left_from_its_own_speed() -> None:
    progress = folded([STARTED, *list(one_round(1, 1, 1000))[:5]])
    assert progress.images_per_second == pytest.approx(12.8)
    assert progress.seconds_left() == pytest.approx(19.5 * 50)


def test_that_the_speed_forgets_what_is_older_than_thirty_seconds() -> None:
    progress = folded([STARTED])
    for second in range(100):
        pictures = second if second < 50 else 50 + 10 * (second - 50)
        progress.fold(ev.BatchEnded(epoch=1, batch=1, batches=9, pictures=pictures, pictures_total=1000, time=second))
    assert progress.images_per_second == pytest.approx(10)


def test_that_a_resumed_round_is_told_only_once() -> None:
    events = [STARTED, *one_round(1, 1, 1000), *list(one_round(2, 2, 1057))[:6]]
    progress = folded([*events, ev.RunResumed(run="r", epoch=2, batch=3, epochs=20)])
    assert [row.epoch for row in progress.rows] == [1]
    assert max(point.x for point in progress.curve) <= 1
    for event in one_round(2, 2, 5000):
        progress.fold(event)
    assert [row.epoch for row in progress.rows] == [1, 2]
    assert progress.curve == sorted(progress.curve, key=lambda point: point.x)


def test_that_continuing_a_finished_run_takes_its_end_back() -> None:
    progress = after(2)
    progress.fold(ev.RunEnded(outcome="finished", best_epoch=2, run="r"))
    assert progress.outcome == "finished"
    progress.fold(ev.RunResumed(run="r", epoch=2, epochs=30))
    assert progress.outcome == ""
    assert (len(progress.rows), progress.epochs) == (2, 30)


def test_that_a_long_training_keeps_a_short_curve() -> None:
    progress = folded([STARTED])
    for batch in range(1, 100_001):
        progress.fold(
            ev.BatchEnded(epoch=1, batch=batch, batches=100_000, pictures=batch, pictures_total=100_000, time=batch)
        )
    assert len(progress.curve) <= 201


def test_that_the_states_of_a_training_are_whole_sentences() -> None:
    progress = Progress()
    told = [wording.status(progress)]
    for event in (ev.PhaseProgress(phase="reading", done=412, total=1204), STARTED):
        progress.fold(event)
        told.append(wording.status(progress))
    progress = after(6)
    told.append(wording.status(progress))
    for outcome in ("paused", "finished", "finished_early", "discarded"):
        progress.fold(ev.RunEnded(outcome=outcome, best_epoch=6))
        told.append(wording.status(progress))
    assert all(sentence.endswith((".", "…")) for sentence in told), told
    assert told[3] == "Round 6 of 20: 80.6\u00a0% named right so far, about 13 minutes left."
    assert told[4] == "Paused in round 7; round 6 is the best with 80.6\u00a0%."
    assert told[5] == "Finished after 6 rounds in 6 minutes; round 6 was the best and is kept."


def test_that_a_failure_says_what_happened_and_what_is_saved() -> None:
    progress = after(6)
    progress.fold(
        ev.RunEnded(outcome="failed", failure=ev.Failure(code="DiskFull", values={"path": "r", "megabytes": 9}))
    )
    assert wording.status(progress).startswith("Training stopped: The disk is full")
    assert "Round 6 is saved." in wording.status(progress)


def test_that_a_wish_to_end_is_answered_at_once() -> None:
    progress = after(1)
    progress.ending = "pause"
    assert wording.status(progress) == "Pausing after this batch…"


def test_that_rounds_of_earlier_sessions_count_where_only_the_last_one_was_heard() -> None:
    progress = folded(
        [STARTED, *one_round(3, 3, 1000), ev.RunEnded(outcome="finished", best_epoch=3, epochs=3, seconds=171)]
    )
    assert wording.status(progress) == "Finished after 3 rounds in 3 minutes; round 3 was the best and is kept."


def test_that_the_time_taken_is_the_whole_training_and_not_its_rounds_alone() -> None:
    progress = after(2)
    assert progress.seconds == 2 * 57
    progress.fold(ev.RunEnded(outcome="finished", best_epoch=2, epochs=2, seconds=299))  # listing, loading, testing
    assert progress.seconds == 299
    assert wording.status(progress) == "Finished after 2 rounds in 5 minutes; round 2 was the best and is kept."
    progress.fold(ev.RunResumed(run="r", epoch=2, epochs=3))
    assert progress.seconds == 2 * 57


def test_that_a_round_out_of_control_is_not_called_saved() -> None:
    lost = ev.EpochEnded(
        epoch=1,
        train_loss=None,
        train_accuracy=0.5,
        val_loss=None,
        val_accuracy=None,
        learning_rate=1,
        images_per_second=1,
        diverged=True,
    )
    failure = ev.Failure(code="Diverged", values={"epoch": 1, "rate": "1"})
    progress = folded([STARTED, lost, ev.RunEnded(outcome="failed", epochs=1, failure=failure)])
    assert "saved" not in wording.status(progress)


# --- a frozen part before the rounds

SAID = ev.ForecastFact(seconds_low=160, seconds_high=240, extract_seconds=150)  # 200 in all, 50 of them for ten rounds


def extracting(start: float, done: int, total: int) -> Iterator[ev.Event]:
    """Ten pictures a second through the frozen part."""
    yield ev.PhaseStarted(phase="extracting", total=total, time=start)
    for count in range(0, done + 1, 10):
        yield ev.PhaseProgress(phase="extracting", done=count, total=total, time=start + count / 10)


def ready(found: int, computed: int, time: float) -> ev.FeaturesReady:
    return ev.FeaturesReady(found=found, computed=computed, seconds=computed / 10, way=ev.Way(), time=time)


def cached_round(epoch: int, start: float) -> Iterator[ev.Event]:
    """Four seconds of learning and checking off the cache; the engine's own clock counts the frozen part, too."""
    yield ev.PhaseStarted(phase="training", total=640, time=start)
    yield ev.BatchEnded(epoch=epoch, batch=10, batches=10, pictures=640, pictures_total=640, time=start + 3)
    yield ev.EpochEnded(
        epoch=epoch,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=0.8,
        learning_rate=0.1,
        images_per_second=200,
        seconds=104 if epoch == 1 else 4,
        best_epoch=1,
        time=start + 4,
    )


def started(said: ev.ForecastFact | None) -> ev.RunStarted:
    return msgspec.structs.replace(STARTED, epochs=10, forecast=said)


def test_that_while_extracting_the_time_left_is_its_own_and_what_the_rounds_will_take() -> None:
    progress = folded([started(SAID), *extracting(1000, 400, 1000)])
    assert progress.images_per_second == pytest.approx(10)
    assert progress.seconds_left() == pytest.approx((150 - 40) + 50)
    assert progress.share_done == pytest.approx(40 / 200)
    assert wording.status(progress) == "Computing features: 400 of 1,000, about 3 minutes left."


def test_that_extracting_slower_than_forecast_takes_longer() -> None:
    progress = folded([started(SAID), *extracting(1000, 400, 4000)])
    assert progress.seconds_left() == pytest.approx(360 + 50)


def test_that_without_a_forecast_nothing_is_guessed_before_the_first_round() -> None:
    progress = folded([started(None), *extracting(1000, 400, 1000)])
    assert progress.seconds_left() is None
    assert wording.status(progress) == "Computing features: 400 of 1,000."


def test_that_rounds_off_the_cache_are_timed_without_the_frozen_part() -> None:
    events = [started(None), *extracting(1000, 1000, 1000), ready(0, 1000, 1100), *cached_round(1, 1100)]
    progress = folded([*events, *extracting(1104, 0, 0), ready(1000, 0, 1104), *cached_round(2, 1104)])
    assert progress.round_seconds() == pytest.approx(4)
    assert progress.seconds_left() == pytest.approx(8 * 4)
    assert progress.seconds == pytest.approx(108)
    assert progress.share_done == pytest.approx(108 / 140)


def test_that_views_still_to_be_drawn_count_until_a_round_needs_none() -> None:
    progress = folded([started(SAID), *extracting(1000, 1000, 1000), ready(0, 1000, 1100), *cached_round(1, 1100)])
    assert progress.seconds_left() == pytest.approx(9 * 4 + 50)
    for event in (ready(1000, 0, 1104), *cached_round(2, 1104)):
        progress.fold(event)
    assert progress.seconds_left() == pytest.approx(8 * 4)


def test_that_what_earlier_runs_left_is_told_by_the_first_round() -> None:
    progress = folded([started(None), ready(800, 200, 1000), *cached_round(1, 1000), ready(1000, 0, 1004)])
    assert progress.features is not None
    assert (progress.features.found, progress.features.computed) == (800, 200)


def test_that_the_parts_of_the_pictures_are_reported_together_and_late_ones_are_no_learning() -> None:
    train, val = ready(300, 500, 1050), ready(0, 200, 1070)
    first, batch, end = cached_round(1, 1070)
    late = [ready(0, 10, 1074), msgspec.structs.replace(end, time=1075)]
    progress = folded([started(None), train, val, first, batch, *late])
    assert progress.features is not None
    assert (progress.features.found, progress.features.computed, progress.features.seconds) == (300, 700, 70)
    assert progress.round_seconds() == pytest.approx(1075 - 1070 - 1)
    assert progress.extracting.seconds == pytest.approx(71)


def test_that_half_a_round_of_another_session_is_no_measure() -> None:
    progress = folded([started(None), ready(0, 1000, 1000), *cached_round(1, 1000)])
    progress.fold(ev.RunResumed(run="r", epoch=2, batch=9, epochs=10))
    first, batch, end = cached_round(2, 1997)  # begun three seconds earlier, in the other session
    for event in (ready(1000, 0, 2000), msgspec.structs.replace(first, time=2000), batch, end):
        progress.fold(event)
    for event in (ready(990, 10, 2001), *cached_round(3, 2002)):
        progress.fold(event)
    assert [row.epoch for row in progress.rows] == [1, 2, 3]
    assert progress.round_seconds() == pytest.approx(4)


def test_that_half_a_round_measured_by_the_engine_is_no_measure_either() -> None:
    progress = folded([started(None), *cached_round(2, 1000)])
    progress.fold(ev.RunResumed(run="r", epoch=3, batch=9, epochs=10))
    *_, end = cached_round(3, 2000)
    progress.fold(msgspec.structs.replace(end, seconds=900.0))
    assert progress.round_seconds() == pytest.approx(4)
    assert progress.round_seconds() == pytest.approx(4)


def test_that_a_smaller_batch_and_a_quick_look_are_kept() -> None:
    shrunk = ev.BatchShrunk(batch_size=32, part=8)
    look = ev.QuickLook(accuracy=0.8, spread=0.01, folds=5, count=700)
    progress = folded([STARTED, shrunk, look])
    assert (progress.shrunk, progress.quick_look) == (shrunk, look)
