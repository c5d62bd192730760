from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from vgg_studio.core import coach, coach_remedies, coach_words, events as ev, recipes
from vgg_studio.core.coach import Remark
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.progress import Progress

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.jsonl"))
GOOD = [path for path in HISTORIES if path.stem.startswith("good-")]
EXPECTED = {
    "guessing": "guessing",
    "rate": "rate_too_high",
    "memorising": "memorising",
    "stopped": "stopped_improving",
    "few": "few_pictures",
}


@dataclass
class Said:
    """What was said of a recorded run after each of its events, and how it stood then."""

    event: ev.Event
    progress: Progress
    remarks: list[Remark]


def replayed(path: Path) -> Iterator[Said]:
    first, *lines = path.read_bytes().splitlines()
    job, progress = msgspec.json.decode(first, type=TrainJob), Progress()
    for line in lines:
        event = ev.from_line(line)
        progress.fold(event)
        yield Said(event, progress, coach.remarks(progress, job))


def first_said(path: Path, code: str) -> int:
    """The round in which it was said for the first time; 0 for never."""
    return next((max(1, said.progress.epoch) for said in replayed(path) if code in codes(said.remarks)), 0)


def codes(remarks: list[Remark]) -> list[str]:
    return [remark.code for remark in remarks]


def job_of(path: Path) -> TrainJob:
    return msgspec.json.decode(path.read_bytes().splitlines()[0], type=TrainJob)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_that_nothing_is_said_of_a_run_that_does_well(path: Path) -> None:
    assert [codes(said.remarks) for said in replayed(path) if said.remarks] == []


def test_that_there_are_twelve_good_runs_to_be_silent_about() -> None:
    assert len(GOOD) >= 12


@pytest.mark.parametrize(
    "path", [path for path in HISTORIES if path.stem.split("-")[0] in ("guessing", "rate")], ids=lambda path: path.stem
)
def test_that_a_run_that_does_not_learn_is_spoken_of_within_five_rounds(path: Path) -> None:
    assert 1 <= first_said(path, EXPECTED[path.stem.split("-")[0]]) <= 5


@pytest.mark.parametrize(
    "path", [path for path in HISTORIES if path.stem.startswith("memorising")], ids=lambda path: path.stem
)
def test_that_learning_by_heart_is_noticed_within_six_rounds_of_the_turn(path: Path) -> None:
    *_, last = replayed(path)
    turn = min(last.progress.rows, key=lambda row: row.val_loss or 0.0)
    assert 0 < first_said(path, "memorising") <= turn.epoch + 6


@pytest.mark.parametrize(
    "path", [path for path in HISTORIES if path.stem.startswith("stopped")], ids=lambda path: path.stem
)
def test_that_a_standstill_is_noticed_and_names_the_best_round(path: Path) -> None:
    said = next(said for said in replayed(path) if "stopped_improving" in codes(said.remarks))
    remark = said.remarks[0]
    accuracies = [row.val_accuracy or 0.0 for row in said.progress.rows]
    assert remark.values["best"] == accuracies.index(max(accuracies)) + 1
    assert coach.PATIENCE <= len(accuracies) - int(remark.values["best"]) <= 3 * coach.PATIENCE


def test_that_the_class_with_few_pictures_is_named_once_the_run_is_scored() -> None:
    path = next(path for path in HISTORIES if path.stem == "few-flowers")
    spoken = [said for said in replayed(path) if said.remarks]
    assert [codes(said.remarks) for said in spoken] == [["few_pictures"]]
    assert isinstance(spoken[0].event, ev.RunEnded)
    assert spoken[0].remarks[0].values["name"] == "daisy"
    assert spoken[0].remarks[0].values["count"] == 14


def test_that_there_are_never_more_than_two_remarks_and_what_stops_learning_comes_alone() -> None:
    for path in HISTORIES:
        for said in replayed(path):
            assert len(said.remarks) <= coach.MOST
            if "rate_too_high" in codes(said.remarks):
                assert len(said.remarks) == 1


# --- drawn histories: one thing at a time


def drawn(
    *rows: tuple[float | None, float, float | None, float | None], counts: tuple[int, ...] = (50, 50), **started: int
) -> Progress:
    """A run of (train loss, train accuracy, validation loss, validation accuracy) a round."""
    progress = Progress(epochs=started.get("epochs", 40))
    total = sum(counts)
    progress.started = ev.RunStarted(
        run="r", data="d", classes=[f"c{number}" for number in range(len(counts))], counts=list(counts),
        parts={"train": total, "val": total // 3, "test": total // 3}, variant="vgg11_bn", weights="none",
        train_from="block1", parameters=1, trained_parameters=1, epochs=progress.epochs, batch_size=8,
        device=ev.DeviceFact(), precision="fp32",
    )  # fmt: skip
    for epoch, (loss, right, val_loss, val_right) in enumerate(rows, start=1):
        progress.fold(
            ev.EpochEnded(
                epoch=epoch, train_loss=loss, train_accuracy=right, val_loss=val_loss, val_accuracy=val_right,
                learning_rate=0.01, images_per_second=1.0, diverged=loss is None, best_epoch=1,
            )
        )  # fmt: skip
    return progress


FIXED = TrainJob(schedule="none", variant="vgg11_bn")
AT_CHANCE = (0.694, 0.5, 0.694, 0.5)


def test_that_guessing_is_not_spoken_of_before_the_third_round() -> None:
    assert coach.remarks(drawn(AT_CHANCE, AT_CHANCE), FIXED) == []
    assert codes(coach.remarks(drawn(AT_CHANCE, AT_CHANCE, AT_CHANCE), FIXED)) == ["guessing"]


def test_that_rounds_of_warming_up_do_not_count() -> None:
    warming = msgspec.structs.replace(FIXED, warmup=2)
    assert coach.remarks(drawn(*[AT_CHANCE] * 4), warming) == []
    assert codes(coach.remarks(drawn(*[AT_CHANCE] * 5), warming)) == ["guessing"]


def test_that_the_share_of_the_largest_class_is_what_guessing_reaches() -> None:
    counts = (240, 40, 40)
    always = (0.75, 0.75, 0.75, 0.75)  # the loss of knowing nothing but the shares is 0.736
    remark = coach.remarks(drawn(always, always, always, counts=counts), FIXED)[0]
    assert remark.code == "guessing"
    assert remark.values["share"] == 0.75
    assert coach.remarks(drawn(*[(0.5, 0.83, 0.5, 0.84)] * 3, counts=counts), FIXED) == []


def test_that_a_loss_that_falls_on_new_pictures_is_learning_before_names_show_it() -> None:
    falling = ((0.70, 0.5, 0.69, 0.5), (0.69, 0.52, 0.68, 0.5), (0.68, 0.52, 0.66, 0.5))
    assert coach.remarks(drawn(*falling), FIXED) == []


def test_that_the_entropy_of_equal_classes_is_the_logarithm_of_their_number() -> None:
    assert coach.entropy([7, 7, 7, 7, 7]) == pytest.approx(1.6094379)
    assert coach.entropy([10, 0]) == 0.0


def test_that_a_loss_that_jumps_while_fewer_are_named_right_means_too_high_a_rate() -> None:
    jumped = ((0.6, 0.7, 0.6, 0.7), (0.3, 0.9, 0.4, 0.85), (1.4, 0.6, 2.0, 0.6))
    remark = coach.remarks(drawn(*jumped), FIXED)[0]
    assert (remark.code, remark.epoch, remark.values["how"]) == ("rate_too_high", 3, "jumps")
    steady = (*jumped[:2], (1.4, 0.95, 2.0, 0.9))
    assert coach.remarks(drawn(*steady), FIXED) == []
    recovered = (*jumped, (0.3, 0.9, 0.4, 0.85), (0.25, 0.92, 0.4, 0.88))
    assert coach.remarks(drawn(*recovered), FIXED) == []


def test_that_a_loss_that_is_no_number_is_spoken_of_at_once() -> None:
    assert codes(coach.remarks(drawn((None, 0.5, None, None)), FIXED)) == ["rate_too_high"]


def test_that_a_run_that_failed_for_another_reason_gets_no_advice() -> None:
    progress = drawn(*[AT_CHANCE] * 5)
    progress.fold(ev.RunEnded(outcome="failed", failure=ev.Failure(code="DiskFull")))
    assert coach.remarks(progress, FIXED) == []


def test_that_a_rising_loss_is_no_learning_by_heart_while_more_and_more_are_named_right() -> None:
    turned = [(0.5, 0.75, 0.55, 0.7), (0.4, 0.8, 0.5, 0.72)]
    surer = [(0.3 / n, 0.97, 0.5 + 0.1 * n, 0.72 + 0.01 * n) for n in range(1, 6)]
    worse = [(0.3 / n, 0.97, 0.5 + 0.1 * n, 0.70) for n in range(1, 6)]
    assert coach.remarks(drawn(*turned, *surer), FIXED) == []
    assert codes(coach.remarks(drawn(*turned, *worse), FIXED)) == ["memorising"]


def test_that_a_falling_rate_gets_the_chance_to_fall_before_a_standstill_is_called() -> None:
    still = [(0.5, 0.8, 0.5, 0.8)] + [(0.5, 0.8, 0.52, 0.79)] * 6
    assert codes(coach.remarks(drawn(*still), FIXED)) == ["stopped_improving"]
    assert coach.remarks(drawn(*still), msgspec.structs.replace(FIXED, schedule="cosine")) == []


def test_that_nobody_is_told_to_finish_a_run_that_is_about_to_end_or_is_perfect() -> None:
    still = [(0.5, 0.8, 0.5, 0.8)] + [(0.5, 0.8, 0.52, 0.79)] * 6
    assert coach.remarks(drawn(*still, epochs=9), FIXED) == []
    assert coach.remarks(drawn(*[(0.01, 1.0, 0.01, 1.0)] * 9), FIXED) == []


def test_that_a_run_without_a_validation_part_is_judged_by_what_it_learns_from() -> None:
    alone = (0.694, 0.5, None, None)
    assert codes(coach.remarks(drawn(alone, alone, alone), FIXED)) == ["guessing"]
    assert coach.remarks(drawn(*[(0.3, 0.9, None, None)] * 12), FIXED) == []


# --- remedies


@pytest.mark.parametrize(
    ("job", "remedy"),
    [
        (TrainJob(variant="vgg16", initial="xavier", learning_rate=0.003), "batch_norm"),
        (TrainJob(variant="vgg16_c"), "batch_norm"),
        (TrainJob(variant="vgg16_bn", learning_rate=1.0), "usual_rate"),
        (TrainJob(variant="vgg16_bn", learning_rate=1e-7), "usual_rate"),
        (TrainJob(variant="vgg16_bn"), "weights"),
        (TrainJob(variant="vgg16_bn", channels=1), "lower_rate"),
        (TrainJob(variant="vgg16", weights="official", learning_rate=0.5), "usual_rate"),
        (TrainJob(variant="vgg16", weights="official"), "lower_rate"),
    ],
)
def test_that_guessing_has_a_remedy_that_changes_what_is_wrong(job: TrainJob, remedy: str) -> None:
    assert coach_remedies.for_guessing(job) == remedy


def test_that_a_rate_that_is_far_too_high_comes_down_to_the_usual_one() -> None:
    assert coach_remedies.for_too_high(TrainJob(variant="vgg16", learning_rate=5.0)) == "usual_rate"
    assert coach_remedies.for_too_high(TrainJob(variant="vgg16", learning_rate=0.05)) == "lower_rate"


def test_that_each_remedy_about_settings_gives_other_settings_that_a_run_can_have() -> None:
    job = TrainJob(variant="vgg16_c", initial="xavier", learning_rate=0.003, run="r", recipe="C", data="d")
    expected: dict[coach_remedies.Remedy, tuple[str, object]] = {
        "lower_rate": ("learning_rate", 0.0003),
        "usual_rate": ("learning_rate", None),
        "batch_norm": ("variant", "vgg16_bn"),
        "weights": ("weights", "official"),
        "vary": ("variation", "flip_crop"),
        "soften": ("label_smoothing", 0.1),
    }
    for remedy, (field, value) in expected.items():
        changed = coach_remedies.remedied(job, remedy)
        assert changed is not None
        assert getattr(changed, field) == value
        assert (changed.run, changed.recipe, changed.data) == ("", "", "d")
        assert recipes.learning_rate(changed) > 0
    assert coach_remedies.remedied(job, "finish") is None


def test_that_a_remedy_against_learning_by_heart_changes_something_and_tells_all_of_it() -> None:
    sure = TrainJob(variation="flip_crop", dropout=0.2)
    assert coach_remedies.for_memorising(sure) == "soften"
    changed = coach_remedies.remedied(sure, "soften")
    assert changed is not None
    assert coach_words.options(sure, changed) == "--label-smoothing 0.1 --dropout 0.5"
    assert coach_remedies.for_memorising(changed) is None


def test_that_a_run_that_was_varied_and_softened_gets_no_empty_advice_at_its_end() -> None:
    rows = [(0.5, 0.75, 0.55, 0.7), (0.4, 0.8, 0.5, 0.72), *((0.3 / n, 0.97, 0.5 + 0.1 * n, 0.7) for n in range(1, 6))]
    progress = drawn(*rows)
    progress.fold(ev.RunEnded(outcome="finished"))
    softened = msgspec.structs.replace(FIXED, variation="flip_crop", label_smoothing=0.1)
    assert codes(coach.remarks(progress, FIXED)) == ["memorising"]
    assert coach.remarks(progress, softened) == []


def test_that_weights_take_a_network_that_they_exist_for() -> None:
    slim = TrainJob(variant="vgg16_c", width_divisor=4, slim_linear=True, image_size=64)
    changed = coach_remedies.remedied(slim, "weights")
    assert changed is not None
    assert (changed.variant, changed.width_divisor, changed.image_size) == ("vgg16", 1, 224)


def test_that_batch_normalisation_comes_with_the_rate_that_suits_it() -> None:
    job = TrainJob(variant="vgg16", learning_rate=0.003)
    changed = coach_remedies.remedied(job, "batch_norm")
    assert changed is not None
    assert coach_words.options(job, changed) == "--variant vgg16_bn --lr 0.02"


# --- words


@pytest.mark.parametrize(
    "path", [path for path in HISTORIES if not path.stem.startswith("good-")], ids=lambda path: path.stem
)
def test_that_every_remark_has_words_for_window_and_terminal(path: Path) -> None:
    job = job_of(path)
    found = [remark for said in replayed(path) for remark in said.remarks]
    for remark in found:
        line = coach_words.line(remark, job)
        assert line.startswith("Coach: ")
        assert line.endswith(".")
        assert "{" not in line + coach_words.action(remark) + coach_words.meaning(remark, job, running=True)
    assert found


def test_that_the_line_tells_what_to_type() -> None:
    job = TrainJob(variant="vgg16", learning_rate=0.003)
    remark = Remark("guessing", "batch_norm", 3, {"rounds": 3, "share": 0.2, "reached": 0.24})
    assert coach_words.line(remark, job) == (
        "Coach: No better than guessing after 3 rounds. 24.0\u00a0% right; guessing gives 20.0\u00a0%."
        " Start again with --variant vgg16_bn --lr 0.02."
    )


def test_that_a_long_name_of_a_class_is_cut_in_a_headline() -> None:
    remark = Remark("few_pictures", "show_class", 3, {"name": "x" * 300, "count": 3, "found": 0.1, "others": 0.9})
    assert len(coach_words.headline(remark)) < 60
