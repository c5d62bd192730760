"""Ultralytics' classification trainer. It builds its own YOLO networks; torchvision's VGG-16 is handed to it ready made, in the
shape of its own networks (`model.0` the convolutions, frozen by its own option freeze=[0], `model.1` the same light head).

The nearest set-up to ours that it allows: its validation after each round and its moving average of the weights stay as they
are, augmentation is off, and its mixed precision knows graphics cards alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

os.environ["YOLO_OFFLINE"] = "true"
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())

import torch
from torch import nn
from torchvision.models import vgg16
from ultralytics.data import ClassificationDataset
from ultralytics.models.yolo.classify import ClassificationTrainer

from tests.benchmarks.peers.speaking import CLASSES, POOLED, SIDE, Order, Watch, count_pictures, given, say


class Network(nn.Module):
    """Scores while learning, (probabilities, scores) while checking: what its losses and validators expect."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        head = nn.Sequential(
            nn.AdaptiveAvgPool2d(POOLED), nn.Flatten(), nn.Dropout(0.5), nn.Linear(512 * POOLED**2, CLASSES)
        )
        self.model = nn.Sequential(vgg16().features, head)
        self.names, self.nc, self.task = names, CLASSES, "classify"
        self.yaml: dict[str, Any] = {}
        self.stride = torch.tensor([32.0])
        self.criterion = None  # the trainer asks for it; ours is in `loss`

    def forward(self, batch: Any, *_args: Any, **_options: Any) -> Any:
        """Loss and its items for a batch of the trainer, answers for pictures."""
        if isinstance(batch, dict):
            return self.loss(batch)
        scores = self.model(batch)
        return scores if self.training else (scores.softmax(1), scores)

    def loss(self, batch: dict[str, torch.Tensor], preds: Any = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Cross-entropy, and its parts by name."""
        answers = self.model(batch["img"]) if preds is None else preds
        scores = answers[1] if isinstance(answers, tuple | list) else answers
        loss = nn.functional.cross_entropy(scores, batch["cls"], reduction="mean")
        return loss, {"loss": loss.detach()}


class Trainer(ClassificationTrainer):  # type: ignore[misc,unused-ignore]
    """The trainer with our network and without augmentation."""

    def setup_model(self) -> None:
        """Hand over the network instead of one from its own lists."""
        self.model = Network(self.data["names"])

    def build_dataset(self, img_path: str, mode: str = "train", batch: Any = None) -> Any:
        """Both parts as they are checked."""
        return ClassificationDataset(img_path, self.args, augment=False, prefix=mode, names=self.data["names"])


def frozen(order: Order, watch: Watch, folder: str) -> dict[str, int]:
    """C6: a round with its check, after a batch that is not counted."""
    options = {
        "data": order.data,
        "epochs": 1,
        "batch": order.batch,
        "imgsz": SIDE,
        "workers": 2,
        "device": 0 if order.device == "cuda" else "cpu",
        "freeze": [0],
        "optimizer": "SGD",
        "lr0": 0.001,
        "pretrained": False,
        "plots": False,
        "save": False,
        "val": True,
        "verbose": False,
        "project": folder,
        "model": "vgg16",
        "amp": order.device == "cuda",
    }
    trainer = Trainer(overrides=options)
    began = {"train": 0.0, "val": 0.0}

    def begin(name: str) -> Any:
        return lambda _: began.__setitem__(name, time.perf_counter())

    def end(name: str) -> Any:
        def done(_: Any) -> None:
            watch.seconds[name] = time.perf_counter() - began[name]  # its last check repeats the one before

        return done

    def warm_up(running: Any) -> None:
        with torch.no_grad():
            running.model(torch.randn(order.batch, 3, SIDE, SIDE, device=running.device))

    trainer.add_callback("on_train_start", warm_up)
    trainer.add_callback("on_train_epoch_start", begin("train"))
    trainer.add_callback("on_train_epoch_end", end("train"))
    trainer.add_callback("on_val_start", begin("val"))
    trainer.add_callback("on_val_end", end("val"))
    trainer.train()
    return {part: count_pictures(os.path.join(order.data, part)) for part in ("train", "val")}


def main() -> None:
    """Do the one job that was asked for."""
    order, watch = given(), Watch()
    torch.set_num_threads(order.threads)
    with tempfile.TemporaryDirectory() as folder:
        counts = frozen(order, watch, folder)
        how = "Ultralytics classify trainer, torchvision vgg16 handed to it, freeze=[0]"
        say(watch, how, ("ultralytics", "torch", "torchvision"), counts=counts)


if __name__ == "__main__":
    main()
