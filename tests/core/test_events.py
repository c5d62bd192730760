from __future__ import annotations

import json
import math
from typing import get_args

import msgspec
import pytest

from vgg_studio.core import events as ev


def test_that_a_line_becomes_the_same_event_again() -> None:
    event = ev.RunEnded(outcome="failed", best_epoch=3, failure=ev.Failure(code="DiskFull", values={"path": "训练\n"}))
    line = ev.to_line(event)
    assert line.count(b"\n") == 1
    assert ev.from_line(line) == event


def test_that_every_event_has_a_type_and_a_time_in_unix_seconds() -> None:
    fields = json.loads(ev.to_line(ev.CheckpointSaved(epoch=2, batch=4)))
    assert fields["type"] == "checkpoint_saved"
    assert abs(fields["time"] - ev.CheckpointSaved(epoch=1).time) < 60
    assert (fields["epoch"], fields["batch"]) == (2, 4)


def test_that_an_epoch_line_holds_every_promised_field_and_null_without_validation() -> None:
    event = ev.EpochEnded(
        epoch=1,
        train_loss=0.5,
        train_accuracy=0.25,
        val_loss=None,
        val_accuracy=None,
        learning_rate=0.1,
        images_per_second=9,
    )
    fields = json.loads(ev.to_line(event))
    promised = {
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "images_per_second",
    }
    assert promised <= fields.keys()
    assert fields["val_loss"] is None


def test_that_order_and_place_appear_only_when_stamped() -> None:
    event = ev.JobEnded(outcome="done")
    assert "seq" not in ev.plain(event)
    stamped = ev.stamped(event, "7", 12)
    assert (ev.plain(stamped)["job"], ev.plain(stamped)["seq"]) == ("7", 12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_that_numbers_json_does_not_know_become_null(value: float) -> None:
    line = ev.to_line(ev.BatchEnded(epoch=1, batch=1, batches=1, pictures=1, pictures_total=1, loss=value))
    assert json.loads(line)["loss"] is None
    assert ev.finite(value) is None


def test_that_unknown_fields_are_ignored_and_unknown_types_refused() -> None:
    assert ev.from_line(b'{"type":"checkpoint_saved","time":1,"epoch":1,"new":true}') == ev.CheckpointSaved(
        time=1, epoch=1
    )
    with pytest.raises(msgspec.DecodeError):
        ev.from_line(b'{"type":"surprise","time":1}')


def test_that_tags_are_snake_case_and_unlike_each_other() -> None:
    tags = [msgspec.structs.fields(kind) and kind.__struct_config__.tag for kind in get_args(ev.Event)]
    assert len(set(tags)) == len(tags)
    assert all(str(tag).replace("_", "").isalpha() and str(tag).islower() for tag in tags)
