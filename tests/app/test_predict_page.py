"""The Predict page on engines that the test plays: who answers, what is dropped, verdicts, the table, the CSV file."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence
from PySide6.QtTest import QTest

from tests.app import dropping
from tests.app.conftest import Process
from tests.app.playing import evaluation, make_run, open_flowers
from tests.fakes import FakeEngines
from vgg_studio import paths
from vgg_studio.app import verdicts
from vgg_studio.app.answerers import FILE, OFFICIAL
from vgg_studio.app.pages import FACTORIES
from vgg_studio.app.picture_cell import fitted_size
from vgg_studio.app.predict_page import PredictPage
from vgg_studio.app.state import Studio
from vgg_studio.app.window import Window
from vgg_studio.core import events as ev
from vgg_studio.core.jobs import PredictJob, Request, TrainJob, to_line
from vgg_studio.pictures.files import locate

CLASSES = ["daisy", "<img src=x> R&D", "roses", "sunflowers", "tulips"]


@pytest.fixture
def window(studio: Studio, process: Process) -> Iterator[Window]:
    made = Window(studio, factories={key: FACTORIES[key] for key in ("predict", "data")}, ask=lambda *_: True)
    made.resize(1280, 800)
    made.make_page("predict")
    made.show()
    made.activateWindow()
    process(ms=20)
    yield made
    made.close()


@pytest.fixture
def page(window: Window) -> PredictPage:
    found = window.pages["predict"]
    assert isinstance(found, PredictPage)
    return found


@pytest.fixture
def run(window: Window, studio: Studio) -> str:
    """A finished run that is known to the window."""
    path = make_run("flowers-4", scored=evaluation()).path
    studio.refresh_runs()
    return str(path)


def named(path: str, *shares: float) -> ev.PicturePredicted:
    """An answer: the classes in order with these probabilities."""
    top = [ev.Guess(label=name, probability=share) for name, share in zip(CLASSES, shares, strict=False)]
    return ev.PicturePredicted(path=path, top=top, picture=ev.PictureRef(path=path))


def opened(model: str, threshold: float = 0.6) -> ev.ModelOpened:
    return ev.ModelOpened(model=model, variant="vgg16", classes=CLASSES, threshold=threshold, device=ev.DeviceFact())


def answer(engines: FakeEngines, *rows: ev.PicturePredicted | ev.PredictionFailed) -> None:
    """The newest order is answered and ends."""
    job, order = engines.last(PredictJob)
    assert isinstance(job, PredictJob)
    engines.send(order, opened(job.model), *rows, ev.JobEnded(outcome="done"))


def predictions(engines: FakeEngines) -> list[PredictJob]:
    return [job for _, job, _ in engines.asked if isinstance(job, PredictJob)]


# --- who answers


def test_that_without_a_network_the_page_says_how_to_get_one(
    window: Window, page: PredictPage, engines: FakeEngines
) -> None:
    assert window.header.status.whole() == "There is no network to ask yet."
    assert page.start.first_button.words() == "Train a network first"
    assert "528 MB" in page.start.lines.text()
    assert not page.answerers.isVisible()
    dropping.drop(window, dropping.files("/pictures/new.jpg"))
    assert window.header.status.whole().startswith("Train a network first")
    assert predictions(engines) == []


@pytest.mark.parametrize(("ready", "wanted"), [(False, "data"), (True, "train")])
def test_that_the_way_to_a_network_begins_where_it_is_missing(
    page: PredictPage, studio: Studio, engines: FakeEngines, ready: bool, wanted: str
) -> None:
    pages: list[str] = []
    studio.page_wanted.connect(pages.append)
    if ready:
        open_flowers(studio, engines)
    QTest.mouseClick(page.start.first_button, Qt.MouseButton.LeftButton)
    assert pages == [wanted]


def test_that_the_newest_finished_run_answers_by_itself(page: PredictPage, run: str) -> None:
    assert page.answerers.model() == run
    assert page.answerers.choice.currentText() == "Run 4, VGG-16, 91.5\u00a0% on new pictures"
    assert page.start.headline.text() == "Drop pictures here"


def test_that_runs_on_other_pictures_are_told_apart(page: PredictPage, studio: Studio) -> None:
    for name, data, ago in (("flowers-1", "/pictures/flowers", 60), ("R-D-2", "/pictures/R&D", 30)):
        make_run(name, scored=evaluation(), data=data, ago=ago)
    make_run("flowers-2", outcome="paused")
    studio.refresh_runs()
    titles = [page.answerers.choice.itemText(at) for at in range(page.answerers.choice.count())]
    assert titles[:2] == [
        "Run 2 on R&D, VGG-16, 91.5\u00a0% on new pictures",
        "Run 1 on flowers, VGG-16, 91.5\u00a0% on new pictures",
    ]
    assert titles[-1] == "A file of weights…"


def test_that_the_running_training_answers_with_its_best_round(
    page: PredictPage, studio: Studio, engines: FakeEngines, window: Window
) -> None:
    studio.start_training(TrainJob(data="/pictures/flowers", run="/runs/flowers-5"))
    engines.send(
        engines.last(TrainJob)[1],
        ev.EpochEnded(
            epoch=1,
            train_loss=1,
            train_accuracy=0.5,
            val_loss=1,
            val_accuracy=0.881,
            learning_rate=0.1,
            images_per_second=1,
            best_epoch=1,
        ),
    )
    assert page.answerers.choice.currentText() == "Training now, best so far: round 1 with 88.1\u00a0%"
    dropping.drop(window, dropping.files("/pictures/new.jpg"))
    assert predictions(engines)[0].model == "/runs/flowers-5"


def test_that_a_file_of_weights_can_be_chosen(
    page: PredictPage, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "vgg_studio.app.answerers.QFileDialog.getOpenFileName", lambda *_: ("/weights/vgg16 & co.pth", "")
    )
    QTest.mouseClick(page.start.third_link, Qt.MouseButton.LeftButton)
    assert page.answerers.model() == "/weights/vgg16 & co.pth"
    assert page.answerers.choice.currentText() == "Weights in vgg16 & co.pth"
    assert studio.settings.choice("answers_from") == "/weights/vgg16 & co.pth"


def test_that_a_choice_that_was_broken_off_changes_nothing(
    page: PredictPage, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.app.answerers.QFileDialog.getOpenFileName", lambda *_: ("", ""))
    at = page.answerers.choice.findData(FILE)
    page.answerers.choice.setCurrentIndex(at)
    page.answerers.choice.activated.emit(at)
    assert page.answerers.model() == run
    assert page.answerers.choice.currentData() == run


def test_that_another_network_names_the_same_pictures_anew(
    page: PredictPage, run: str, studio: Studio, engines: FakeEngines
) -> None:
    other = str(make_run("flowers-3", scored=evaluation(), ago=600).path)
    studio.refresh_runs()
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.9))
    page.answerers.use(other)
    assert [(job.model, [ref.path for ref in job.pictures]) for job in predictions(engines)] == [
        (run, ["/pictures/a.jpg"]),
        (other, ["/pictures/a.jpg"]),
    ]
    assert studio.prediction.rows == []


def test_that_choosing_the_official_weights_downloads_nothing_yet(
    page: PredictPage, run: str, studio: Studio, engines: FakeEngines
) -> None:
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.9))
    page.answerers.use(OFFICIAL)
    assert len(predictions(engines)) == 1
    assert page.start.isVisible()
    assert "528 MB" in page.start.lines.text()
    page.dropped(["/pictures/a.jpg"])
    assert predictions(engines)[1].model == OFFICIAL


def test_that_official_weights_that_are_here_cost_nothing(page: PredictPage, studio: Studio) -> None:
    (paths.weights_folder() / "vgg16-397923af.pth").write_bytes(b"x")
    studio.refresh_runs()
    page.answerers.use(OFFICIAL)
    assert page.answerers.choice.currentText() == "Official ImageNet weights, VGG-16, 1,000 names"
    assert "MB" not in page.start.lines.text()


def test_that_the_choice_of_another_page_is_followed(
    page: PredictPage, run: str, studio: Studio, window: Window
) -> None:
    other = str(make_run("flowers-3", scored=evaluation(), ago=600).path)
    studio.refresh_runs()
    studio.settings.choose("answers_from", other)
    window.show_page("predict")
    assert page.answerers.choice.currentData() == other


# --- what is asked


def test_that_dropped_pictures_and_folders_are_asked_about(
    window: Window, run: str, engines: FakeEngines, tmp_path: Path
) -> None:
    dropping.drop(window, dropping.files(tmp_path / "a.jpg", tmp_path))
    (job,) = predictions(engines)
    assert job.model == run
    assert [Path(ref.path) for ref in job.pictures] == [tmp_path / "a.jpg", tmp_path]


@pytest.mark.skipif(sys.platform != "linux", reason="only here names are bytes of any kind")
def test_that_a_dropped_picture_whose_name_is_no_unicode_is_found_by_its_bytes(
    window: Window, run: str, engines: FakeEngines, tmp_path: Path
) -> None:
    name = os.fsencode(tmp_path / "100% ros") + b"\xe9.png"
    Path(os.fsdecode(name)).touch()
    dropping.drop(window, dropping.files(name))
    ((picture,),) = (job.pictures for job in predictions(engines))
    assert os.path.exists(locate(picture))
    assert picture.path.endswith(r"100% ros\xe9.png")


def test_that_a_pasted_picture_is_asked_about_and_called_so(
    window: Window, page: PredictPage, run: str, engines: FakeEngines
) -> None:
    picture = QImage(20, 10, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(picture)
    QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Paste))
    path = predictions(engines)[0].pictures[0].path
    assert Path(path).is_relative_to(paths.cache_folder())
    assert QImage(path).size() == QSize(20, 10)
    answer(engines, named(path, 0.9))
    assert page.answers.answer.about.whole() == "Pasted picture is most likely"


def test_that_pasted_files_are_asked_about(window: Window, run: str, engines: FakeEngines) -> None:
    QGuiApplication.clipboard().setMimeData(dropping.files("/pictures/a.jpg"))
    QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Paste))
    assert [ref.path for ref in predictions(engines)[0].pictures] == ["/pictures/a.jpg"]


def test_that_a_web_address_is_refused_in_words(window: Window, run: str, engines: FakeEngines) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/a.jpg")])
    dropping.drop(window, mime)
    assert "nothing is fetched from elsewhere" in window.header.status.whole()
    assert predictions(engines) == []


def test_that_chosen_pictures_are_asked_about(
    page: PredictPage, run: str, engines: FakeEngines, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ["/pictures/new/a.jpg", "/pictures/new/b.jpg"]
    monkeypatch.setattr("vgg_studio.app.predict_page.QFileDialog.getOpenFileNames", lambda *_: (chosen, ""))
    QTest.mouseClick(page.start.first_button, Qt.MouseButton.LeftButton)
    assert [ref.path for ref in predictions(engines)[0].pictures] == chosen
    assert studio.settings.choice("pictures_from") == "/pictures/new"


def test_that_a_chosen_folder_is_asked_about(
    page: PredictPage, run: str, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgg_studio.app.predict_page.QFileDialog.getExistingDirectory", lambda *_: "/pictures/new")
    QTest.mouseClick(page.start.second_button, Qt.MouseButton.LeftButton)
    assert [ref.path for ref in predictions(engines)[0].pictures] == ["/pictures/new"]


def test_that_ten_thousand_pictures_are_asked_about_in_short_lines(
    window: Window, run: str, engines: FakeEngines
) -> None:
    names = [
        f"/pictures/a folder with a long name, as they come from cameras/{number:05}.jpg" for number in range(10_000)
    ]
    dropping.drop(window, dropping.files(*names))
    jobs = predictions(engines)
    assert [ref.path for job in jobs for ref in job.pictures] == names
    assert all(len(to_line(Request(id="predict-1", job=job))) < 1_000_000 for job in jobs)


def test_that_naming_can_be_cancelled(
    window: Window, page: PredictPage, run: str, engines: FakeEngines, process: Process
) -> None:
    page.dropped(["/pictures/a.jpg"])
    page.dropped(["/pictures/b.jpg"])
    assert window.header.button.words() == "Cancel"
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert [how for _order, how in engines.stops] == ["cancel", "cancel"]


# --- what the header says


def test_that_the_header_tells_how_far_it_is(
    window: Window, page: PredictPage, run: str, engines: FakeEngines, studio: Studio
) -> None:
    page.dropped(["/pictures/new"])
    assert window.header.status.whole() == "Loading the network…"
    _job, order = engines.last(PredictJob)
    engines.send(order, opened(run), ev.PhaseStarted(phase="testing", total=1_200), named("/pictures/new/a.jpg", 0.9))
    assert window.header.status.whole() == "Named 1 of 1,200 pictures"
    refused = ev.PredictionFailed(path="/pictures/new/b.jpg", reason="empty file", code="empty")
    studio.prediction.began = 1e9
    engines.send(order, named("/pictures/new/c.jpg", 0.5), refused, ev.JobEnded(outcome="done", time=1e9 + 3))
    assert window.header.status.whole() == "2 pictures named in 3 seconds; 2 need a look."
    assert window.header.button.words() == "Choose pictures…"


def test_that_a_network_that_cannot_be_opened_says_why(
    window: Window, page: PredictPage, run: str, engines: FakeEngines
) -> None:
    page.dropped(["/pictures/a.jpg"])
    failure = ev.Failure(code="WeightsMissing", values={"path": "/weights/x.pth"})
    engines.send(engines.last(PredictJob)[1], ev.JobEnded(outcome="failed", failure=failure))
    assert window.header.status.whole().startswith("There is no file of weights /weights/x.pth.")
    assert page.start.isVisible()


# --- what is shown


def test_that_the_answer_is_shown_with_its_bars_and_what_it_cannot_know(
    page: PredictPage, run: str, engines: FakeEngines
) -> None:
    page.dropped(["/pictures/IMG_2041.jpg"])
    answer(engines, named("/pictures/IMG_2041.jpg", 0.974, 0.019, 0.005, 0.001, 0.001))
    card = page.answers.answer
    assert card.about.whole() == "IMG_2041.jpg is most likely"
    assert card.answer.whole() == "daisy"
    assert card.chip.words() == "Clear answer"
    assert [guess.label for guess in card.bars.guesses] == CLASSES
    assert card.truth.text() == "It knows only these 5 classes; anything else gets one of them too."


def test_that_the_whole_word_of_an_answer_is_shown_after_the_dots(
    page: PredictPage, run: str, engines: FakeEngines, process: Process
) -> None:
    page.dropped(["/pictures/a.jpg"])
    process()
    assert page.answers.answer.answer.text() == "…"
    answer(engines, ev.PicturePredicted(path="/pictures/a.jpg", top=[ev.Guess(label="sunflowers", probability=0.9)]))
    process()
    assert page.answers.answer.answer.text() == "sunflowers"


def test_that_arrow_keys_change_the_large_picture(
    page: PredictPage, run: str, engines: FakeEngines, process: Process
) -> None:
    names = [f"/pictures/{number}.jpg" for number in range(5)]
    page.dropped(names)
    answer(engines, *(named(name, 0.9 - number / 10) for number, name in enumerate(names)))
    assert page.answers.matte.accessibleName() == "/pictures/0.jpg"
    page.answers.view.setFocus()
    QTest.keyClick(page.answers.view, Qt.Key.Key_Down)
    QTest.keyClick(page.answers.view, Qt.Key.Key_Down)
    assert page.answers.matte.accessibleName() == "/pictures/2.jpg"
    assert page.answers.answer.about.whole().startswith("2.jpg")


def test_that_what_is_asked_next_is_shown_next(page: PredictPage, run: str, engines: FakeEngines) -> None:
    page.dropped(["/pictures/a.jpg", "/pictures/b.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.9), named("/pictures/b.jpg", 0.9))
    page.dropped(["/pictures/c.jpg"])
    answer(engines, named("/pictures/c.jpg", 0.9))
    assert page.answers.view.current() == 2
    assert page.answers.view.table.rowCount() == 3


def test_that_answers_are_added_without_a_new_table(page: PredictPage, run: str, engines: FakeEngines) -> None:
    page.dropped(["/pictures"])
    _job, order = engines.last(PredictJob)
    resets: list[bool] = []
    page.answers.view.table.modelReset.connect(lambda: resets.append(True))
    engines.send(order, opened(run), *(named(f"/pictures/{number}.jpg", 0.9) for number in range(50)))
    page.answers.view.choose(20)
    engines.send(order, *(named(f"/pictures/{number}.jpg", 0.9) for number in range(50, 100)))
    assert (page.answers.view.table.rowCount(), page.answers.view.current(), resets) == (100, 20, [])


def test_that_a_picture_without_an_answer_says_why(page: PredictPage, run: str, engines: FakeEngines) -> None:
    path = "/pictures/<img src=x>.jpg"
    page.dropped([path])
    answer(
        engines,
        ev.PredictionFailed(
            path=path, reason="is a web page, not a picture", code="web_page", picture=ev.PictureRef(path=path)
        ),
    )
    table = page.answers.view.table
    assert [table.text(0, column) for column in ("picture", "answer", "verdict")] == [
        "<img src=x>.jpg",
        "is a web page, not a picture",
        "no answer",
    ]
    assert page.answers.answer.about.whole() == "<img src=x>.jpg: is a web page, not a picture"
    assert page.answers.answer.chip.words() == "No answer"
    assert "<img" not in table.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)


def test_that_a_row_is_read_out_as_a_whole(page: PredictPage, run: str, engines: FakeEngines) -> None:
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.523, 0.441))
    spoken = page.answers.view.table.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"a.jpg, daisy, 52.3\u00a0%, not sure, {CLASSES[1]} 44.1\u00a0%"


@pytest.mark.parametrize(
    ("probability", "words"), [(0.974, "97.4\u00a0%"), (0.9994, "99.9\u00a0%"), (1.0, "over 99.9\u00a0%")]
)
def test_that_no_answer_is_wholly_sure(probability: float, words: str) -> None:
    assert verdicts.how_sure(probability) == words


@pytest.mark.parametrize(
    ("picture", "shown"),
    [((100, 50), (200, 100)), ((4000, 1000), (456, 114)), ((10, 1000), (3, 296)), ((0, 0), (0, 0))],
)
def test_that_a_picture_is_whole_and_at_most_twice_its_size(picture: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fitted_size(QSize(*picture), QSize(456, 296)) == QSize(*shown)


# --- clear or not


def test_that_the_threshold_decides_what_is_clear(
    window: Window, page: PredictPage, run: str, engines: FakeEngines
) -> None:
    page.dropped(["/pictures"])
    answer(engines, *(named(f"/pictures/{share}.jpg", share) for share in (0.95, 0.7, 0.4)))
    assert page.answers.unsure() == 1
    assert page.answers.line_button.text() == "Not sure below 60\u00a0%"
    page.answers.popup.slider.setValue(80)
    assert page.answers.unsure() == 2
    assert "2 need a look" in window.header.status.whole()
    assert page.answers.view.table.text(1, "verdict") == "not sure"
    QTest.mouseClick(page.answers.popup.reset_link, Qt.MouseButton.LeftButton)
    assert page.answers.threshold() == 0.6
    assert page.answers.view.table.text(1, "verdict") == "clear"


def test_that_the_threshold_is_explained_and_moved_with_keys(
    page: PredictPage, run: str, engines: FakeEngines, process: Process
) -> None:
    page.dropped(["/pictures"])
    answer(engines, named("/pictures/a.jpg", 0.62))
    QTest.mouseClick(page.answers.line_button, Qt.MouseButton.LeftButton)
    process()
    popup = page.answers.popup
    assert "95 of 100 answers were right" in popup.words.text()
    QTest.keyClick(popup.slider, Qt.Key.Key_PageUp)
    assert popup.value.text() == "65\u00a0%"
    assert page.answers.answer.chip.words() == "Not sure"
    popup.hide()


def test_that_a_network_of_others_promises_nothing_about_its_threshold(page: PredictPage, engines: FakeEngines) -> None:
    page.answerers.use(OFFICIAL)
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.62))
    assert "95 of 100" not in page.answers.popup.words.text()


def test_that_another_network_brings_its_own_threshold(
    page: PredictPage, run: str, studio: Studio, engines: FakeEngines
) -> None:
    other = str(make_run("flowers-3", scored=evaluation(), ago=600).path)
    studio.refresh_runs()
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.7))
    page.answers.popup.slider.setValue(90)
    page.answerers.use(other)
    answer(engines, named("/pictures/a.jpg", 0.7))
    assert page.answers.threshold() == 0.6


# --- what is saved


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))


def test_that_the_table_is_saved_as_it_is_judged_on_the_page(
    window: Window, page: PredictPage, run: str, engines: FakeEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.dropped(["/pictures"])
    refused = ev.PredictionFailed(path="/pictures/c.jpg", reason="empty file", code="empty")
    answer(engines, named("/pictures/a.jpg", 0.7, 0.2), named("=cmd.jpg", 0.95), refused)
    page.answers.popup.slider.setValue(80)
    chosen = tmp_path / "answers"
    monkeypatch.setattr("vgg_studio.app.predict_page.QFileDialog.getSaveFileName", lambda *_: (str(chosen), ""))
    QTest.mouseClick(page.answers.save_button, Qt.MouseButton.LeftButton)
    rows = rows_of(tmp_path / "answers.csv")
    assert [(row["path"], row["verdict"]) for row in rows] == [
        ("/pictures/a.jpg", "unsure"),
        ("'=cmd.jpg", "clear"),
        ("/pictures/c.jpg", "failed"),
    ]
    assert window.header.status.whole() == f"3 answers are saved in {chosen}.csv."


def test_that_a_place_that_cannot_be_written_is_told(
    window: Window, page: PredictPage, run: str, engines: FakeEngines, tmp_path: Path
) -> None:
    page.dropped(["/pictures/a.jpg"])
    answer(engines, named("/pictures/a.jpg", 0.7))
    page.write_table(str(tmp_path / "nowhere" / "a.csv"))
    assert window.header.status.whole().startswith("Nothing can be written to")


def test_that_there_is_nothing_to_save_before_the_first_answer(page: PredictPage, run: str) -> None:
    page.dropped(["/pictures/a.jpg"])
    assert not page.answers.save_button.isEnabled()


def test_that_the_first_asked_picture_is_seen_before_its_answer(page: PredictPage, run: str, process: Process) -> None:
    page.dropped(["/pictures/a.jpg"])
    process()
    assert page.answers.matte.accessibleName() == "/pictures/a.jpg"
    assert page.answers.matte.childAt(QPoint(5, 5)) is None
