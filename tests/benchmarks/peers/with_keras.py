"""Keras: `keras.applications.VGG16` without its top, frozen, and the same head, `fit`.

On a processor with TensorFlow underneath, on a card with torch (TensorFlow's wheel for processors has none); `fast` sets the
policy mixed_bfloat16.
"""

from __future__ import annotations

import os
import time
from typing import Any

from tests.benchmarks.peers.speaking import CLASSES, SIDE, Order, Watch, count_pictures, given, say

order = given()
os.environ.setdefault(
    "KERAS_BACKEND", str(order.more.get("backend", "tensorflow" if order.device == "cpu" else "torch"))
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402 - its back end is chosen before
import numpy as np  # noqa: E402


def network(light: bool) -> Any:
    """The convolutions alone, or with the light head; windows of 4 in steps of 3 pool 7 x 7 to 2 x 2."""
    trunk = keras.applications.VGG16(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))
    trunk.trainable = False
    if not light:
        return trunk
    layers = [trunk, keras.layers.AveragePooling2D(4, 3), keras.layers.Flatten(), keras.layers.Dropout(0.5)]
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES)])


def pictures_of(part: str) -> Any:
    """One part of the folder."""
    return keras.utils.image_dataset_from_directory(
        os.path.join(order.data, part),
        image_size=(SIDE, SIDE),
        batch_size=order.batch,
        label_mode="int",
        shuffle=part == "train",
        format="tf",
    ).prefetch(2)


def forward(watch: Watch) -> dict[str, int]:
    """C1: the whole network on pictures that lie in memory."""
    whole = keras.applications.VGG16(weights=None)
    steps = max(1, order.pictures // order.batch)
    one = np.random.default_rng(0).random((order.batch, SIDE, SIDE, 3), np.float32)
    many = np.concatenate([one] * steps)
    whole.predict(one, batch_size=order.batch, verbose=0)
    watch.time("pictures", lambda: whole.predict(many, batch_size=order.batch, verbose=0))
    return {"pictures": len(many)}


def extraction(watch: Watch) -> dict[str, int]:
    """C5: from the disk to the features of the convolutions, as its guide on transfer learning does it."""
    trunk, pictures = network(light=False), pictures_of("train")
    trunk.predict(np.zeros((order.batch, SIDE, SIDE, 3), np.float32), batch_size=order.batch, verbose=0)
    watch.time("pictures", lambda: trunk.predict(pictures, verbose=0))
    return {"pictures": count_pictures(os.path.join(order.data, "train"))}


class Timing(keras.callbacks.Callback):  # type: ignore[misc,unused-ignore]
    """When learning and checking begin and end."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch, self.began, self.checked = watch, 0.0, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_test_begin(self, logs: Any = None) -> None:
        self.watch.since("train", self.began)
        self.checked = time.perf_counter()

    def on_test_end(self, logs: Any = None) -> None:
        self.watch.since("val", self.checked)


def frozen(watch: Watch) -> dict[str, int]:
    """C6: an epoch of a light head behind the frozen convolutions, and one check."""
    light = network(light=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    light.compile(keras.optimizers.SGD(0.001, momentum=0.9), loss, metrics=["accuracy"])
    train, val = pictures_of("train"), pictures_of("val")
    light.fit(train, validation_data=val, steps_per_epoch=1, validation_steps=1, verbose=0)
    light.fit(train, validation_data=val, verbose=0, callbacks=[Timing(watch)])
    return {part: count_pictures(os.path.join(order.data, part)) for part in ("train", "val")}


def main(asked: Order) -> None:
    """Do the one job that was asked for."""
    watch = Watch()
    if asked.more.get("fast"):
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    counts = {"C1": forward, "C5": extraction, "C6": frozen}[asked.job](watch)
    policy = "mixed_bfloat16" if asked.more.get("fast") else "fp32"
    how = f"keras.applications.VGG16 on {keras.backend.backend()}, {policy}"
    say(watch, how, ("keras", "tensorflow" if keras.backend.backend() == "tensorflow" else "torch"), counts=counts)


if __name__ == "__main__":
    main(order)
