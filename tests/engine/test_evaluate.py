"""Scores of a run on its own pictures and on others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.lessons import draw, draw_folder, end, events_of, only, stopped, tiny
from vgg_studio.core import events as ev, split, vgg
from vgg_studio.core.jobs import EvaluateJob, PredictJob, Stop
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.core.run_folder import RunFolder
from vgg_studio.engine import network, scoring
from vgg_studio.engine.device import choose
from vgg_studio.engine.evaluate import evaluate
from vgg_studio.engine.predict import predict


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    events_of(tiny(pictures, run, epochs=3))
    return run


def scored(run: Path, **settings: Any) -> list[ev.Event]:
    return list(evaluate(EvaluateJob(run=str(run), device="cpu", **settings), Stop()))


def failure(events: list[ev.Event]) -> str:
    (ended,) = only(events, ev.JobEnded)
    assert events[-1] is ended
    return ended.failure.code if ended.failure else ""


def test_that_a_runs_own_score_comes_out_again_to_the_last_digit(trained: Path) -> None:
    events = scored(trained)

    (score,) = only(events, ev.Evaluation)
    kept = RunFolder.open(trained).manifest.evaluation
    assert kept is not None
    for name in ("split", "accuracy", "loss", "confusion", "by_class", "wrong", "interval"):
        assert getattr(score, name) == getattr(kept, name)
    assert events[-1] == ev.JobEnded(time=events[-1].time, outcome="done")


def test_that_the_score_of_the_validation_part_is_that_of_the_best_round(trained: Path) -> None:
    manifest = RunFolder.open(trained).manifest
    best = next(row for row in manifest.epochs if row.epoch == manifest.best_epoch)

    (score,) = only(scored(trained, split="val"), ev.Evaluation)

    assert (score.split, score.accuracy, score.loss) == ("val", best.val_accuracy, best.val_loss)


def test_that_a_score_is_made_of_the_answers_that_prediction_gives(trained: Path, pictures: Path) -> None:
    (score,) = only(scored(trained), ev.Evaluation)
    parts = split.from_csv((trained / "split.csv").read_bytes())
    refs = [ev.PictureRef(path=str(pictures / item.picture.path)) for item in parts.test]
    job = PredictJob(model=str(trained), pictures=refs, top=1, device="cpu")
    answers = only(predict(job, Stop()), ev.PicturePredicted)

    named = [answer.top[0].label for answer in answers]
    right = sum(name == parts.classes[item.label] for name, item in zip(named, parts.test, strict=True))
    assert right == score.correct
    sure = {Path(answer.path).name: answer.top[0].probability for answer in answers}
    for wrong in score.wrong:
        assert wrong.probability == sure[Path(wrong.picture.path).name]


def test_that_rows_of_the_confusion_table_are_the_true_classes() -> None:
    items = [split.Item(ev.PictureRef(path=str(number)), label) for number, label in enumerate((0, 0, 0, 1))]
    scores = np.array([[5.0, 0], [0, 9.0], [0, 3.0], [0, 1.0]])
    answers = scoring.Answers(items, scores, np.array([0, 0, 0, 1], np.intp), [])

    score = scoring.evaluation(answers, ["cat", "dog"], "test", 1.0)

    assert score.confusion == [[1, 2], [0, 1]]
    assert [(one.name, one.count, one.correct) for one in score.by_class] == [("cat", 3, 1), ("dog", 1, 1)]
    assert [(one.picture.path, one.true, one.named) for one in score.wrong] == [
        ("1", "cat", "dog"),
        ("2", "cat", "dog"),
    ]
    assert score.loss == pytest.approx(
        torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.tensor([0, 0, 0, 1])).item()
    )


def test_that_answers_for_pictures_that_were_learned_from_are_counted_apart() -> None:
    items = [split.Item(ev.PictureRef(path=str(number)), 0) for number in range(4)]
    scores = np.array([[5.0, 0], [0, 9.0], [3.0, 0], [0, 1.0]])
    answers = scoring.Answers(items, scores, np.zeros(4, np.intp), [])
    known = {ev.PictureRef(path="0"), ev.PictureRef(path="1"), ev.PictureRef(path="2"), ev.PictureRef(path="elsewhere")}

    score = scoring.evaluation(answers, ["cat", "dog"], "test", 1.0, leaked=known)

    assert (score.count, score.correct, score.leaked, score.leaked_correct) == (4, 2, 3, 2)
    assert score.unleaked_accuracy == 0.0
    assert scoring.evaluation(answers, ["cat", "dog"], "test", 1.0).leaked == 0


def test_that_a_run_remembers_which_pictures_it_has_learned_from_under_another_name(
    trained: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    parts = split.from_csv((run / "split.csv").read_bytes())
    parts.groups = {parts.train[0].picture: 1, parts.test[0].picture: 1, parts.test[1].picture: 2}
    (run / "split.csv").write_bytes(split.to_csv(parts))

    (score,) = only(scored(run), ev.Evaluation)
    (before,) = only(scored(trained), ev.Evaluation)

    assert (score.leaked, before.leaked) == (1, 0)
    assert score.accuracy == before.accuracy


def test_that_scores_do_not_depend_on_what_else_is_in_the_batch() -> None:
    shape = vgg.Shape("vgg11_bn", 3, 3, 4)
    answerer = scoring.Answerer(network.build(shape), Preprocessing(image_size=32), choose("cpu"))
    pictures = torch.randint(0, 256, (answerer.batch, 32, 32, 3), dtype=torch.uint8)

    together = answerer.scores(pictures)

    for count in (1, 3, answerer.batch - 1):
        assert torch.equal(answerer.scores(pictures[:count]), together[:count])


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_that_the_batch_of_answers_is_a_power_of_two_that_fits_the_network(kind: str) -> None:
    large = scoring.fixed_batch(vgg.Shape("vgg19_bn"), 1024, kind)
    usual = scoring.fixed_batch(vgg.Shape("vgg16"), 224, kind)
    small = scoring.fixed_batch(vgg.Shape("vgg11_bn", 4, 3, 16, True), 32, kind)

    assert 1 <= large < usual <= small
    assert all(size & (size - 1) == 0 for size in (large, usual, small))


def test_that_another_folder_is_scored_under_the_runs_classes(trained: Path, tmp_path: Path) -> None:
    draw_folder(tmp_path / "other", count=4, classes=["red", "blue"], first=70)
    for number in range(3):
        draw(tmp_path / "other" / "violet" / f"{number}.png", (150, 0, 150), number)
    (tmp_path / "other" / "red" / "broken.png").write_bytes(b"no picture")

    events = scored(trained, data=str(tmp_path / "other"))

    (score,) = only(events, ev.Evaluation)
    assert (score.split, score.count) == ("all", 8)
    assert score.classes == ["blue", "green", "red"]
    assert [sum(row) for row in score.confusion] == [4, 0, 4]
    assert [(event.name, event.count) for event in only(events, ev.ClassLeftOut)] == [("violet", 3)]
    assert [event.picture.path for event in only(events, ev.PictureLeftOut)] == ["red/broken.png"]


def test_that_another_folders_copies_of_learned_pictures_are_counted_apart(
    trained: Path, pictures: Path, tmp_path: Path
) -> None:
    draw_folder(tmp_path / "other", count=4, classes=["red", "blue"], first=70)
    parts = split.from_csv((trained / "split.csv").read_bytes())
    (learned,) = [item.picture.path for item in parts.train if item.picture.path.startswith("red/")][:1]
    (kept,) = [item.picture.path for item in parts.test if item.picture.path.startswith("red/")][:1]
    shutil.copy(pictures / learned, tmp_path / "other" / "red" / "learned.png")
    shutil.copy(pictures / kept, tmp_path / "other" / "red" / "kept.png")

    (score,) = only(scored(trained, data=str(tmp_path / "other")), ev.Evaluation)
    (own,) = only(scored(trained, data=str(pictures)), ev.Evaluation)

    assert (score.count, score.leaked) == (10, 1)
    assert own.leaked == len(parts.train) + len(parts.val)


def test_that_a_folder_without_any_known_class_is_refused(trained: Path, tmp_path: Path) -> None:
    for name in ("violet", "white"):
        draw(tmp_path / "other" / name / "1.png", (150, 0, 150), 1)

    assert failure(scored(trained, data=str(tmp_path / "other"))) == "SplitImpossible"


def test_that_a_part_that_the_run_has_not_is_refused(tmp_path: Path) -> None:
    draw_folder(tmp_path / "pictures" / "train", count=4)
    draw_folder(tmp_path / "pictures" / "val", count=3, first=50)
    events_of(tiny(tmp_path / "pictures", tmp_path / "run", epochs=1))

    assert only(scored(tmp_path / "run"), ev.Evaluation)[0].split == "val"
    refused = scored(tmp_path / "run", split="test")
    assert failure(refused) == "UsageError"
    ended = only(refused, ev.JobEnded)[0].failure
    assert ended is not None
    assert ended.values["allowed"] == "val"  # the pictures that it learned from are no score


def test_that_a_run_can_be_scored_before_it_has_ended(pictures: Path, tmp_path: Path) -> None:
    stopped(tiny(pictures, tmp_path / "run", epochs=9), "pause", after=1, kind=ev.EpochEnded)

    assert only(scored(tmp_path / "run"), ev.Evaluation)[0].count > 0


def test_that_a_run_without_a_round_says_so(pictures: Path, tmp_path: Path) -> None:
    stopped(tiny(pictures, tmp_path / "run", epochs=9), "pause", after=1)

    assert failure(scored(tmp_path / "run")) == "RunUnfinished"


def test_that_missing_things_are_named(trained: Path, tmp_path: Path, pictures: Path) -> None:
    assert failure(scored(tmp_path / "nowhere")) == "RunMissing"
    assert failure(scored(trained, data=str(tmp_path / "nowhere"))) == "FolderMissing"
    copy = shutil.copytree(pictures, tmp_path / "copy")
    events_of(tiny(copy, tmp_path / "run", epochs=1))
    shutil.rmtree(copy)
    assert failure(scored(tmp_path / "run")) == "FolderMissing"


def test_that_a_stop_ends_the_scoring(trained: Path) -> None:
    stop = Stop()
    stop.ask("cancel")

    events = list(evaluate(EvaluateJob(run=str(trained)), stop))

    assert only(events, ev.JobEnded)[-1].outcome == "stopped"
    assert not only(events, ev.Evaluation)


def test_that_another_batch_size_is_for_one_order_alone(trained: Path) -> None:
    (first,) = only(scored(trained), ev.Evaluation)
    (other,) = only(scored(trained, batch_size=3), ev.Evaluation)
    (third,) = only(scored(trained), ev.Evaluation)

    assert other.loss == pytest.approx(first.loss, rel=1e-4)
    assert third.loss == first.loss


def test_that_a_set_that_came_divided_tells_what_its_copies_added(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "set" / "train", count=6)
    draw_folder(tmp_path / "set" / "test", count=4, first=20)
    for name in ("blue", "red"):
        shutil.copy(data / name / f"{name}-002.png", tmp_path / "set" / "test" / name / "known.png")

    (score,) = only(events_of(tiny(tmp_path / "set", tmp_path / "run", epochs=1, val_percent=0)), ev.Evaluation)
    (again,) = only(scored(tmp_path / "run"), ev.Evaluation)

    assert (score.split, score.count, score.leaked) == ("test", 14, 2)
    assert (again.leaked, again.leaked_correct) == (score.leaked, score.leaked_correct)
    named = {wrong.picture.path for wrong in score.wrong}
    assert score.leaked_correct == 2 - sum(path.endswith("known.png") for path in named)


def test_that_copies_of_a_picture_never_test_what_learned_from_another(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "set", count=10)
    for name in ("blue", "green", "red"):
        for number in range(10):
            shutil.copy(data / name / f"{name}-{number:03}.png", data / name / f"copy-{number:03}.png")

    (score,) = only(events_of(tiny(data, tmp_path / "run", epochs=1)), ev.Evaluation)
    parts = split.from_csv((tmp_path / "run" / "split.csv").read_bytes())

    assert (score.count, score.leaked) == (len(parts.test), 0)
    found = [{parts.groups[item.picture] for item in parts.part(part)} for part in split.PARTS]
    assert len(set.union(*found)) == sum(map(len, found)) == 30


def test_that_a_training_may_keep_nothing_back(tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "set", count=4)
    events = events_of(tiny(data, tmp_path / "run", epochs=1, val_percent=0, test_percent=0))
    assert end(events).outcome == "finished"
    assert not only(events, ev.Evaluation)
    assert RunFolder.open(tmp_path / "run").manifest.parts == {"train": 12, "val": 0, "test": 0}
