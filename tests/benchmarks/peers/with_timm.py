"""timm's VGG-16 with timm's own loader and optimizer, in the manner of its train script; `fast` adds that script's own options
--channels-last --amp --amp-dtype bfloat16.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

import timm
import timm.data
import timm.optim
import torch
from torch import nn

from tests.benchmarks.peers.speaking import CLASSES, POOLED, SIDE, Order, Watch, count_pictures, given, say


class Setting:
    """Network, precision and layout as the order wants them."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.fast = bool(order.more.get("fast"))
        self.layout = torch.channels_last if self.fast else torch.contiguous_format
        self.how = "timm vgg16, channels-last, bf16 amp" if self.fast else "timm vgg16, defaults (fp32)"

    def to_device(self, network: nn.Module) -> nn.Module:
        """The network where and as it computes."""
        return network.to(self.order.device, memory_format=self.layout)  # type: ignore[call-overload,no-any-return]

    def amp(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision or nothing."""
        return torch.autocast(self.order.device, torch.bfloat16) if self.fast else contextlib.nullcontext()

    def ready(self, pictures: torch.Tensor) -> torch.Tensor:
        """A batch where and as it is computed."""
        return pictures.to(self.order.device).contiguous(memory_format=self.layout)

    def wait(self) -> None:
        """Until the device is done."""
        if self.order.device == "cuda":
            torch.cuda.synchronize()


def loader(order: Order, part: str) -> Any:
    """timm's loader of one part, without augmentation."""
    pictures = timm.data.create_dataset("", root=os.path.join(order.data, part))
    return timm.data.create_loader(
        pictures,
        (3, SIDE, SIDE),
        order.batch,
        is_training=part == "train",
        no_aug=True,
        use_prefetcher=False,
        num_workers=2,
        interpolation="bilinear",
        crop_pct=1.0,
        crop_mode="squash",
        device=torch.device(order.device),
    )


def forward(setting: Setting, watch: Watch) -> dict[str, int]:
    """C1: the whole network on pictures that lie in memory."""
    order = setting.order
    network = setting.to_device(timm.create_model("vgg16", pretrained=False)).eval()
    pictures = setting.ready(torch.randn(order.batch, 3, SIDE, SIDE))
    steps = max(1, order.pictures // order.batch)
    with torch.inference_mode(), setting.amp():
        network(pictures)
        setting.wait()
        watch.time("pictures", lambda: [network(pictures) for _ in range(steps)], setting.wait)
    return {"pictures": steps * order.batch}


def frozen(setting: Setting, watch: Watch) -> dict[str, int]:
    """C6: an epoch of a light head behind the frozen convolutions, and one check."""
    order = setting.order
    trunk = timm.create_model("vgg16", pretrained=False).features.requires_grad_(False)
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(POOLED), nn.Flatten(), nn.Dropout(0.5), nn.Linear(512 * POOLED**2, CLASSES)
    )
    network = setting.to_device(nn.Sequential(trunk, head)).train()
    optimizer = timm.optim.create_optimizer_v2(network, opt="sgd", lr=0.001, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()

    def step(pictures: torch.Tensor, labels: torch.Tensor) -> float:
        optimizer.zero_grad()
        with setting.amp():
            loss = loss_of(network(setting.ready(pictures)), labels.to(order.device))
        loss.backward()
        optimizer.step()
        return float(loss.item())

    step(torch.randn(order.batch, 3, SIDE, SIDE), torch.zeros(order.batch, dtype=torch.long))
    train, val = loader(order, "train"), loader(order, "val")
    seen = 0
    began = time.perf_counter()
    for pictures, labels in train:
        step(pictures, labels)
        seen += len(labels)
    watch.since("train", began)
    network.eval()
    right = 0
    began = time.perf_counter()
    with torch.inference_mode(), setting.amp():
        for pictures, labels in val:
            right += int((network(setting.ready(pictures)).argmax(1).cpu() == labels).sum())
    watch.since("val", began)
    return {"train": seen, "val": count_pictures(os.path.join(order.data, "val"))}


def main() -> None:
    """Do the one job that was asked for."""
    order, watch = given(), Watch()
    torch.set_num_threads(order.threads)
    setting = Setting(order)
    counts = (forward if order.job == "C1" else frozen)(setting, watch)
    say(watch, setting.how, ("timm", "torch", "torchvision"), counts=counts)


if __name__ == "__main__":
    main()
