"""What the Train page offers for the head, the device and the finer points, and what a choice does to the others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyqtgraph  # noqa: F401 - loaded before the page, as `app.main` does in a thread
import pytest
from PySide6.QtWidgets import QApplication

from tests.app.conftest import Process
from tests.app.playing import PROCESSOR, open_flowers
from tests.app.test_train_page import choose
from tests.fakes import FakeEngines
from vgg_studio.app import train_job
from vgg_studio.app.advanced_settings import ScratchSettings
from vgg_studio.app.fields import Choice
from vgg_studio.app.state import Studio
from vgg_studio.app.train_page import TrainPage
from vgg_studio.core import events as ev, recipes
from vgg_studio.core.jobs import TrainJob

CARDS = ev.DeviceFact(kind="cuda", name="NVIDIA H200", cores=16, cards=4)


@pytest.fixture
def page(studio: Studio, engines: FakeEngines, process: Process) -> TrainPage:
    """The Train page with a folder that was read and the official weights."""
    made = TrainPage(studio)
    made.resize(1080, 744)
    made.show()
    engines.become_ready("predict", PROCESSOR)
    open_flowers(studio, engines)
    choose(made.form.settings.weights, "official")
    process()
    return made


def values(choice: Choice) -> list[object]:
    return [choice.itemData(place) for place in range(choice.count())]


def words(choice: Choice) -> list[str]:
    return [choice.itemText(place) for place in range(choice.count())]


# --- the head


def test_that_both_heads_are_offered_with_the_size_of_the_network(page: TrainPage) -> None:
    assert words(page.form.settings.head) == ["Classic, 537 MB", "Light, 59 MB"]


def test_that_a_light_head_learns_alone_from_all_pictures_at_once(page: TrainPage) -> None:
    choose(page.form.settings.head, "light")
    job = page.form.job
    assert (job.head, job.optimizer, recipes.train_from(job)) == ("light", "lbfgs", "fc8")
    assert page.form.settings.layers.text() == "13 layers stay as they are, 1 learns"
    choose(page.form.settings.head, "classic")
    assert (page.form.job.optimizer, recipes.train_from(page.form.job)) == ("sgd", "fc6")


def test_that_a_light_head_has_no_layers_to_choose_among(page: TrainPage) -> None:
    before = values(page.form.settings.stage)
    choose(page.form.settings.head, "light")
    assert [stage for stage in before if stage not in values(page.form.settings.stage)] == ["fc7", "fc6"]


def test_that_convolutions_which_learn_go_on_learning_under_another_head(page: TrainPage) -> None:
    choose(page.form.settings.stage, "block5")
    choose(page.form.settings.head, "light")
    assert (page.form.job.head, page.form.job.train_from, page.form.job.optimizer) == ("light", "block5", "sgd")


def test_that_l_bfgs_goes_when_more_than_the_last_layer_learns(page: TrainPage) -> None:
    choose(page.form.settings.head, "light")
    choose(page.form.settings.stage, "block5")
    assert page.form.job.optimizer == "sgd"
    choose(page.form.settings.stage, "fc8")
    assert page.form.job.optimizer == "lbfgs"


def test_that_l_bfgs_is_offered_for_the_last_layer_alone(page: TrainPage) -> None:
    optimizer, found = page.form.advanced.optimizer, []
    for stage in ("fc6", "fc8", "block5"):
        choose(page.form.settings.stage, stage)
        found.append("lbfgs" in values(optimizer))
    assert found == [False, True, False]


def test_that_a_file_of_convolutions_gets_a_light_head_and_a_whole_one_a_classic_head(tmp_path: Path) -> None:
    heads = []
    for name, size in (("vgg16_features.pth", 59_000_000), ("vgg16.pth", 553_000_000)):
        file = tmp_path / name
        with file.open("wb") as stream:
            stream.truncate(size)
        heads.append(train_job.with_weights(recipes.defaults(1000, False), str(file), 1000, False).head)
    assert heads == ["light", "classic"]


def test_that_l_bfgs_has_no_batches_and_no_rate(page: TrainPage) -> None:
    names, advanced = ("batch", "rate", "schedule"), page.form.advanced
    before = [advanced.fields[name].widget.isHidden() for name in names]
    choose(page.form.settings.head, "light")
    assert (before, [advanced.fields[name].widget.isHidden() for name in names]) == ([False] * 3, [True] * 3)
    assert page.form.settings.summed.whole() == "L-BFGS, no batches"


# --- the device


def test_that_a_machine_without_a_card_offers_no_choice(page: TrainPage) -> None:
    assert not page.form.settings.device.choice.isVisible()
    assert page.form.settings.device.device.text() == "Processor, 8 cores"


def test_that_all_cards_are_offered_only_where_there_are_several(page: TrainPage, engines: FakeEngines) -> None:
    choice, found = page.form.settings.device.choice, []
    for cards in (1, 4):
        engines.become_ready("train", msgspec.structs.replace(CARDS, cards=cards))
        found.append(values(choice))
    assert found == [["auto", "cpu", "cuda"], ["auto", "cpu", "cuda", "all"]]
    assert words(choice) == ["Automatic", "Processor", "NVIDIA H200", "All 4 graphics cards"]


def test_that_only_number_formats_that_the_machine_computes_in_are_offered(
    page: TrainPage, engines: FakeEngines
) -> None:
    choice, found = page.form.pictures.precision, []
    for bf16 in (False, True):
        engines.become_ready("train", msgspec.structs.replace(PROCESSOR, bf16=bf16))
        found.append(values(choice))
    assert found == [["auto", "fp32"], ["auto", "fp32", "bf16"]]
    page.form.pictures.retranslate()
    assert values(choice) == found[1]


def test_that_a_number_format_of_another_machine_is_not_asked_for() -> None:
    asked = TrainJob(precision="bf16", device="cuda")
    assert train_job.within_reach(asked, None) == asked
    assert train_job.within_reach(asked, msgspec.structs.replace(CARDS, bf16=True)) == asked
    assert train_job.within_reach(asked, PROCESSOR) == TrainJob(precision="auto", device="auto")


def test_that_a_chosen_device_is_in_the_order(page: TrainPage, engines: FakeEngines) -> None:
    engines.become_ready("train", CARDS)
    choose(page.form.settings.device.choice, "cpu")
    assert page.status() == "Ready to train VGG-16 on flowers, on the processor."
    page.activate_primary()
    assert engines.last(TrainJob)[0].device == "cpu"  # type: ignore[attr-defined]


def test_that_a_run_on_the_processor_does_not_hide_the_card(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    engines.become_ready("train", CARDS)
    choose(page.form.settings.device.choice, "cpu")
    page.activate_primary()
    _job, order = engines.last(TrainJob)
    engines.send(
        order,
        ev.RunStarted(
            run="/r", data="/d", classes=["a"], parts={}, variant="vgg16", weights="none", train_from="fc6",
            parameters=1, trained_parameters=1, epochs=1, batch_size=1, precision="fp32",
            device=ev.DeviceFact(kind="cpu", cores=16, reason="asked"),
        ),
    )  # fmt: skip
    assert studio.device == CARDS


def test_that_a_card_which_is_gone_is_no_longer_asked_for(
    page: TrainPage, studio: Studio, engines: FakeEngines
) -> None:
    engines.become_ready("train", CARDS)
    choose(page.form.settings.device.choice, "cuda")
    engines.become_ready("train", PROCESSOR)
    assert page.form.job.device == "auto"


# --- the finer points


def test_that_every_finer_point_reaches_the_order(page: TrainPage, engines: FakeEngines) -> None:
    engines.become_ready("train", msgspec.structs.replace(PROCESSOR, bf16=True))
    choose(page.form.settings.stage, "block5")
    pictures, finer = page.form.pictures, page.form.finer
    choose(pictures.variation, "flip_crop")
    pictures.views.setValue(4)
    choose(pictures.mirror, True)
    choose(pictures.features, "none")
    choose(pictures.precision, "bf16")
    finer.warmup.setValue(2)
    finer.smoothing.setValue(0.1)
    finer.ema.setValue(0.95)
    finer.decay.setValue(0.3)
    page.activate_primary()
    job = engines.last(TrainJob)[0]
    assert isinstance(job, TrainJob)
    assert (job.variation, job.views, job.mirror, job.features, job.precision) == ("flip_crop", 4, True, "none", "bf16")
    assert (job.warmup, job.label_smoothing, job.ema, job.layer_decay) == (2, 0.1, 0.95, 0.3)


def test_that_what_l_bfgs_does_not_heed_is_not_asked_for(page: TrainPage) -> None:
    page.form.settings.advanced.setChecked(True)
    hidden = []
    for head in ("light", "classic"):
        choose(page.form.settings.head, head)
        hidden.append(page.form.finer.isHidden())
    assert hidden == [True, False]


def test_that_the_picture_size_of_the_run_before_is_not_asked_for(
    page: TrainPage, studio: Studio, tmp_path: Path
) -> None:
    side, job = page.form.advanced.fields["side"].widget, page.form.job
    assert not side.isHidden()
    train_job.offer(studio, msgspec.structs.replace(job, parent=str(tmp_path)), "/pictures/flowers")
    assert side.isHidden()


def test_that_views_are_asked_for_only_where_pictures_are_cut_and_something_stays(page: TrainPage) -> None:
    views, found = page.form.pictures.fields["views"], []
    for variation, stage in (("flip", "block5"), ("flip_crop", "block5"), ("flip_crop", "block1")):
        choose(page.form.settings.stage, stage)
        choose(page.form.pictures.variation, variation)
        found.append(not views.widget.isHidden())
    assert found == [False, True, False]


def test_that_values_of_a_settings_file_which_are_not_offered_stay_until_someone_chooses(
    page: TrainPage, studio: Studio
) -> None:
    job = TrainJob(weights="official", variant="vgg16", features="bf16", precision="fp16", ema=0.99999)
    train_job.offer(studio, job, "/pictures/flowers")
    page.form.settings.rounds.setValue(3)
    kept = page.form.job
    assert (kept.features, kept.precision, kept.ema) == ("bf16", "fp16", 0.99999)


def test_that_no_card_of_finer_points_holds_more_than_seven_controls(page: TrainPage) -> None:
    assert max(len(card.fields) for card in (page.form.advanced, page.form.pictures, page.form.finer)) <= 7


def test_that_grey_pictures_can_be_learned_in_one_channel(application: QApplication) -> None:
    settings, edited = ScratchSettings(), list[TrainJob]()
    settings.retranslate()
    settings.edited.connect(edited.append)
    settings.show_job(TrainJob(variant="vgg11_bn"))
    settings.colours.choose(1)
    assert [job.channels for job in edited] == [1]
    settings.show_job(TrainJob(variant="vgg11_bn", channels=4))
    assert settings.colours.currentText() == "4 channels"
    assert len(edited) == 1
