"""fastai: a vision learner on torchvision's vgg16 with the same head, frozen, `fit`; without augmentation.

Its mixed precision knows graphics cards alone, so on a processor it computes in fp32; `fast` asks for channels-last, and for
bf16 on a card.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback
from fastai.data.transforms import GrandparentSplitter, get_image_files, parent_label
from fastai.vision.all import CategoryBlock, DataBlock, ImageBlock, Resize, ResizeMethod, accuracy, vision_learner
from torch import nn
from torchvision.models import vgg16

from tests.benchmarks.peers.speaking import CLASSES, POOLED, SIDE, Order, Watch, given, say


class Timing(Callback):  # type: ignore[misc,unused-ignore]
    """When learning and checking begin and end."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.began = watch, 0.0

    def before_train(self) -> None:
        self.began = time.perf_counter()

    def after_train(self) -> None:
        self.watch.since("train", self.began)

    def before_validate(self) -> None:
        self.began = time.perf_counter()

    def after_validate(self) -> None:
        self.watch.since("val", self.began)


def frozen(order: Order, watch: Watch) -> tuple[dict[str, int], str]:
    """C6: an epoch of a light head behind the frozen convolutions, and one check."""
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=get_image_files,
        splitter=GrandparentSplitter(train_name="train", valid_name="val"),
        get_y=parent_label,
        item_tfms=Resize(SIDE, method=ResizeMethod.Squish),
    )
    loaders = block.dataloaders(order.data, bs=order.batch, num_workers=2, device=torch.device(order.device))
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(POOLED), nn.Flatten(), nn.Dropout(0.5), nn.Linear(512 * POOLED**2, CLASSES)
    )
    learner: Any = vision_learner(loaders, vgg16, pretrained=False, custom_head=head, metrics=accuracy)
    how = "fastai vision_learner(vgg16), fp32"
    if order.more.get("fast"):
        learner.add_cb(ChannelsLast())
        how = "fastai vision_learner(vgg16), channels-last"
        if order.device == "cuda":
            learner.to_bf16()
            how += ", bf16"
    learner.freeze()
    learning = [p for p in learner.model.parameters() if p.requires_grad]
    if len(learning) != 2:
        raise RuntimeError(f"{len(learning)} tensors learn, not the head's two")
    learner.model.to(order.device)(torch.randn(order.batch, 3, SIDE, SIDE, device=order.device))
    with learner.no_bar(), learner.no_logging():
        learner.fit(1, lr=1e-3, cbs=Timing(watch))
    seen = len(loaders.train_ds) // order.batch * order.batch  # fastai leaves out the last, smaller batch
    return {"train": seen, "val": len(loaders.valid_ds)}, how


def main() -> None:
    """Do the one job that was asked for."""
    order, watch = given(), Watch()
    torch.set_num_threads(order.threads)
    counts, how = frozen(order, watch)
    say(watch, how, ("fastai", "torch", "torchvision"), counts=counts)


if __name__ == "__main__":
    main()
