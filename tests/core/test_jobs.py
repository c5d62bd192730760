from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vgg_studio.core import jobs
from vgg_studio.core.errors import UsageError


def test_that_an_order_survives_the_pipe() -> None:
    request = jobs.Request(id="4", job=jobs.TrainJob(data="/a b", learning_rate=0.5, epochs=3))
    assert jobs.from_line(jobs.to_line(request)) == request
    stop = jobs.Request(id="4", stop="finish")
    assert jobs.from_line(jobs.to_line(stop)) == stop


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("variant", "vgg99"),
        ("train_from", "fc9"),
        ("optimizer", "magic"),
        ("schedule", "sometimes"),
        ("device", "toaster"),
        ("epochs", 0),
        ("batch_size", 0),
        ("image_size", 31),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("dropout", 1.0),
        ("width_divisor", 3),
        ("channels", 5),
        ("patience", -1),
        ("momentum", -0.5),
        ("momentum", 5.0),
        ("momentum", float("nan")),
        ("weight_decay", -1.0),
        ("step_epochs", 0),
        ("step_factor", float("nan")),
        ("step_factor", 0.0),
        ("seed", 10**23),
    ],
)
def test_that_nonsense_is_refused_with_the_options_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        jobs.TrainJob(**{name: value})
    option = {"learning_rate": "lr"}.get(name, name.replace("_", "-"))
    assert option in str(caught.value)


def test_that_nonsense_on_the_pipe_is_the_same_error() -> None:
    line = jobs.to_line(jobs.Request(id="1", job=jobs.TrainJob())).replace(b'"sgd"', b'"magic"')
    with pytest.raises(UsageError):
        jobs.from_line(line)


def test_that_a_line_that_is_no_request_is_a_decode_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        jobs.from_line(b'{"id": 3}')


def test_that_slim_networks_take_no_pretrained_weights() -> None:
    with pytest.raises(UsageError):
        jobs.TrainJob(weights="official", width_divisor=4)
    with pytest.raises(UsageError):
        jobs.TrainJob(weights="official", channels=1)


def test_that_a_weaker_wish_to_stop_never_replaces_a_stronger_one() -> None:
    stop = jobs.Stop()
    stop.ask("pause")
    stop.ask("discard")
    stop.ask("finish")
    assert stop.how == "discard"
