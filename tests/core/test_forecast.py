from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vgg_studio.core import vgg
from vgg_studio.core.facts import Candidate, MachineProfile, Way
from vgg_studio.core.forecast import forecast, middle, table, views_drawn
from vgg_studio.core.jobs import TrainJob

TRUNK = 15_346_630_656  # MACs of VGG-16's thirteen convolutions at 224 px
BLOCK5 = 3 * 462_422_016  # three of 512 x 512 x 3 x 3 at 14 x 14
FC = 25088 * 4096 + 4096 * 4096 + 4096 * 5 + 4096 + 4096 + 5  # parameters of three linear layers, for five classes
ENDLESS = 1e18  # a rate that costs nothing


def machine(**changes: Any) -> MachineProfile:
    """One picture a second through VGG-16's convolutions, in which learning, linear layers and decoding cost nothing."""
    plain = MachineProfile(
        machine="m",
        variant="vgg16",
        extract=[Candidate(way=Way(), macs_per_second=TRUNK)],
        train_macs={"fp32": ENDLESS},
        linear_bytes=ENDLESS,
        decode_pixels=ENDLESS,
    )
    return msgspec.structs.replace(plain, **changes)


def light(**changes: Any) -> TrainJob:
    plain = TrainJob(
        variant="vgg16",
        weights="official-features",
        head="light",
        train_from="fc8",
        optimizer="adamw",
        variation="none",
        epochs=10,
        batch_size=16,
    )
    return msgspec.structs.replace(plain, **changes)


def saved(job: TrainJob, counts: dict[str, int], rate: str, times: float) -> float:
    """Seconds that a training gets shorter by where one of the machine's rates rises from `times` to twice that."""
    field: dict[str, Any] = {"fp32": times} if rate == "train_macs" else times  # type: ignore[assignment]
    doubled: Any = {"fp32": 2 * times} if rate == "train_macs" else 2 * times
    slow = forecast(job, counts, 5, machine(**{rate: field}))
    fast = forecast(job, counts, 5, machine(**{rate: doubled}))
    return middle(slow) - middle(fast)


@pytest.mark.parametrize(
    ("variation", "epochs", "seconds"),
    [
        ("none", 10, 800 + 200),
        ("flip", 1, 800 + 200),
        ("flip", 2, 800 * 1.5 + 200),
        ("flip", 3, 800 * 1.75 + 200),
        ("flip_crop", 1, 800 + 200),
        ("flip_crop", 1000, 800 * 8 + 200),
    ],
)
def test_that_the_frozen_part_costs_once_for_each_view_that_will_be_drawn(
    variation: str, epochs: int, seconds: float
) -> None:
    said = forecast(light(variation=variation, epochs=epochs), {"train": 800, "val": 150, "test": 50}, 5, machine())
    assert said.extract_seconds == pytest.approx(seconds)


def test_that_what_is_there_already_costs_nothing() -> None:
    counts = {"train": 800, "val": 200}
    assert forecast(light(), counts, 5, machine(), found_share=0.75).extract_seconds == pytest.approx(250)


def test_that_answers_from_mirror_images_too_need_a_second_view() -> None:
    counts = {"train": 800, "val": 200}
    assert forecast(light(mirror=True), counts, 5, machine()).extract_seconds == pytest.approx(800 + 2 * 200)


def test_that_without_a_cache_each_round_computes_all_again() -> None:
    counts = {"train": 800, "val": 150, "test": 50}
    said = forecast(light(features="none"), counts, 5, machine())
    assert said.extract_seconds == pytest.approx(10 * (800 + 150) + 50)
    assert said.disk_bytes < forecast(light(), counts, 5, machine()).disk_bytes


def test_that_the_way_asked_for_is_the_one_that_counts() -> None:
    ways = [
        Candidate(way=Way(precision="bf16"), macs_per_second=4 * TRUNK),
        Candidate(way=Way(backend="ncnn"), macs_per_second=2 * TRUNK),
        Candidate(way=Way(), macs_per_second=TRUNK),
    ]
    profile, counts = machine(extract=ways), {"train": 800}
    took = [
        forecast(light(**asked), counts, 5, profile).extract_seconds
        for asked in ({}, {"backend": "ncnn"}, {"backend": "torch"}, {"backend": "torch", "precision": "fp32"})
    ]
    assert took == [pytest.approx(seconds) for seconds in (200, 400, 200, 800)]


def test_that_convolutions_learn_at_three_times_their_arithmetic() -> None:
    job = light(train_from="block5")
    rate = float(3 * BLOCK5)  # one picture a second
    assert saved(job, {"train": 100}, "train_macs", rate) == pytest.approx(10 * 100 / 2, rel=1e-4)


def test_that_linear_layers_learn_as_fast_as_their_weights_are_moved() -> None:
    job = light(head="classic", train_from="fc6", optimizer="sgd")
    rate = 4.0 * FC  # one step a second
    assert saved(job, {"train": 100}, "linear_bytes", rate) == pytest.approx(10 * 7 / 2)  # 7 steps of 16 in a round


def test_that_large_batches_of_linear_layers_are_held_up_by_arithmetic() -> None:
    job = light(head="classic", train_from="fc6", batch_size=100)
    rate = 3.0 * 100 * (25088 * 4096 + 4096 * 4096 + 4096 * 5)  # one step a second
    assert saved(job, {"train": 100}, "train_macs", rate) == pytest.approx(10 * 1 / 2)


@pytest.mark.parametrize(("stage", "found", "times"), [("fc8", 0.0, 2), ("fc8", 1.0, 1), ("block1", 0.0, 1)])
def test_that_pictures_are_decoded_to_look_at_them_and_for_the_frozen_part(
    stage: str, found: float, times: int
) -> None:
    counts = {"train": 800, "val": 200}
    profile, job = machine(decode_pixels=1e6), light(train_from=stage)
    small = forecast(job, counts, 5, profile, picture_pixels=1e6, found_share=found)
    large = forecast(job, counts, 5, profile, picture_pixels=2e6, found_share=found)
    assert middle(large) - middle(small) == pytest.approx(times * 1000)


def test_that_answers_are_counted_after_each_round_and_at_the_end() -> None:
    job = light(train_from="block5")
    rate = float(BLOCK5 + 512 * 4 * 5)  # one picture a second, forward
    alone = saved(job, {"train": 100}, "train_macs", rate)
    held = saved(job, {"train": 100, "val": 20, "test": 33}, "train_macs", rate)
    assert held - alone == pytest.approx((10 * 32 + 64) / 2)  # in batches of 32 that are filled up


def test_that_all_pictures_at_once_take_seconds_where_batches_take_minutes() -> None:
    profile = machine(linear_bytes=2e9)
    said = forecast(light(optimizer="lbfgs"), {"train": 1000}, 5, profile, found_share=1.0)
    assert middle(said) < 10


def test_that_all_pictures_at_once_means_all_their_views() -> None:
    counts = {"train": 800, "val": 200}
    said = forecast(light(optimizer="lbfgs", variation="flip", epochs=1), counts, 5, machine())
    assert said.extract_seconds == pytest.approx(2 * 800 + 200)


def test_that_all_pictures_at_once_hold_no_more_than_half_a_gigabyte() -> None:
    few, many = ({"train": count} for count in (1_000_000, 2_000_000))
    job = light(optimizer="lbfgs")
    assert forecast(job, few, 5, machine()).memory_bytes == forecast(job, many, 5, machine()).memory_bytes


@pytest.mark.parametrize(("variant", "megabytes"), [("vgg11", 36), ("vgg16", 60), ("vgg19", 66), ("vgg16_bn", 115)])
def test_that_memory_for_learning_is_what_the_layers_keep(variant: str, megabytes: int) -> None:
    job = TrainJob(variant=variant, batch_size=100)
    small = forecast(job, {"train": 100}, 5, machine()).memory_bytes
    large = forecast(msgspec.structs.replace(job, batch_size=200), {"train": 100}, 5, machine()).memory_bytes
    assert (large - small) / 100 / 1e6 == pytest.approx(megabytes, rel=0.04)


def test_that_the_optimizer_and_the_moving_average_have_their_copies() -> None:
    def needed(**changes: Any) -> int:
        return forecast(
            light(train_from="block5", batch_size=512, **changes), {"train": 100}, 5, machine()
        ).memory_bytes

    weights = 4 * vgg.parameters(vgg.Shape("vgg16", 5, head="light"), "block5")
    assert needed(optimizer="adamw") - needed(optimizer="sgd") == weights
    assert needed(ema=0.9) - needed() == weights


@pytest.mark.parametrize(
    ("stage", "numbers"), [("fc8", 512 * 2 * 2), ("block5", 512 * 14 * 14), ("block4", 256 * 28 * 28)]
)
def test_that_the_cache_holds_what_the_frozen_part_gives(stage: str, numbers: int) -> None:
    def needed(features: str) -> int:
        counts = {"train": 800, "val": 200}
        return forecast(light(train_from=stage, features=features), counts, 5, machine()).disk_bytes

    assert needed("fp16") - needed("none") == 1000 * numbers * 2
    assert needed("fp32") - needed("fp16") == 1000 * numbers * 2


def test_that_a_light_head_makes_a_small_run() -> None:
    counts = {"train": 800, "val": 200}
    classic = forecast(light(head="classic", train_from="fc6", features="none"), counts, 5, machine()).disk_bytes
    small = forecast(light(features="none"), counts, 5, machine()).disk_bytes
    assert small < 150e6  # the network twice (59 MB each): what is frozen, and the best as a whole
    assert classic > 4e9


def test_that_the_range_is_wider_where_another_network_was_measured() -> None:
    counts = {"train": 800, "val": 200}
    own = forecast(light(), counts, 5, machine())
    other = forecast(light(), counts, 5, machine(variant="vgg11"))
    blind = forecast(light(), counts, 5, MachineProfile(machine="m", variant="vgg16"))
    spread = [(one.seconds_high - one.seconds_low) / middle(one) / 2 for one in (own, other, blind)]
    assert spread == [pytest.approx(share, abs=0.01) for share in (0.2, 0.35, 0.6)]
    assert middle(own) == pytest.approx(middle(other))


def test_that_the_views_drawn_come_close_to_all_of_them() -> None:
    assert [views_drawn(2, rounds) for rounds in (1, 2, 3)] == [1.0, 1.5, 1.75]
    assert views_drawn(1, 7) == 1.0


def test_that_the_table_has_each_network_from_each_stage() -> None:
    rows = table(light(head="classic", train_from="fc6"), {"train": 700, "val": 150, "test": 150}, 5, machine())
    assert {(row.variant, row.train_from) for row in rows} == {(v, s) for v in vgg.TORCHVISIONS for s in vgg.STAGES}
    whole = {row.variant: row for row in rows if row.train_from == "block1"}
    assert whole["vgg16"].trained_parameters == vgg.parameters(vgg.Shape("vgg16", 5))
    assert whole["vgg19"].forecast.memory_bytes > whole["vgg11"].forecast.memory_bytes


def test_that_a_light_head_has_one_row_for_its_one_layer() -> None:
    rows = table(light(), {"train": 700}, 5, machine())
    assert [row.train_from for row in rows if row.variant == "vgg11"] == ["fc8", *sorted(vgg.STAGES[:5], reverse=True)]
    only = table(light(optimizer="lbfgs"), {"train": 700}, 5, machine())
    assert {row.train_from for row in only} == {"fc8"}


@pytest.mark.parametrize("stage", vgg.STAGES)
def test_that_a_profile_without_rates_still_gives_a_range(stage: str) -> None:
    said = forecast(
        light(head="classic", train_from=stage), {"train": 2}, 2, MachineProfile(machine="m", variant="vgg16")
    )
    assert 0 <= said.seconds_low < said.seconds_high


def test_that_from_scratch_only_training_everything_is_told() -> None:
    rows = table(TrainJob(variant="vgg11_bn"), {"train": 700}, 5, machine())
    assert [(row.variant, row.train_from) for row in rows] == [(variant, "block1") for variant in vgg.VARIANTS]


def test_that_a_size_that_was_not_measured_makes_the_range_wider() -> None:
    counts = {"train": 800}
    small = forecast(light(image_size=64), counts, 5, machine())
    assert (small.seconds_high - small.seconds_low) / middle(small) / 2 > 0.34


def test_that_adam_moves_more_than_momentum_does() -> None:
    rate, counts = 4.0 * FC, {"train": 100}
    job = light(head="classic", train_from="fc6")
    adam = saved(job, counts, "linear_bytes", rate)
    assert adam == pytest.approx(
        1.25 * saved(msgspec.structs.replace(job, optimizer="sgd"), counts, "linear_bytes", rate)
    )


def test_that_memory_knows_what_the_way_of_computing_needs() -> None:
    def bytes_with(way: Way) -> int:
        known = machine()
        fastest = [Candidate(way=way, macs_per_second=known.extract[0].macs_per_second)]
        job = TrainJob(variant="vgg16", weights="official", train_from="block5", head="light", batch_size=4)
        return forecast(job, {"train": 100}, 5, msgspec.structs.replace(known, extract=fastest)).memory_bytes

    frozen_convolutions = 4 * 7_635_264  # bytes, of blocks 1 to 4 in fp32 with their biases
    direct = bytes_with(Way())
    assert bytes_with(Way(convolution="winograd", workers=2)) - direct == 5 * frozen_convolutions
    ncnn = [bytes_with(Way(backend="ncnn", workers=workers)) for workers in (2, 8)]
    assert ncnn[1] - ncnn[0] == 6 * 4 * 4 * 2 * 64 * 224 * 224  # some 100 MB for each network
