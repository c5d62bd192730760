"""The plain loop of the tutorials: torchvision's VGG-16, fp32, contiguous, the allocator as it is, a DataLoader, no tricks.

What is frozen has `requires_grad` off, as they write it, and is computed in every epoch.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import vgg16

from tests.benchmarks.peers.speaking import CLASSES, POOLED, SIDE, Order, Watch, given, say

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCK5 = 24  # the first convolution of block 5 among torchvision's `features`
HOW = "torchvision vgg16, fp32, contiguous, SGD, DataLoader with 2 workers"
WORKERS = 2
transform = transforms.Compose(
    [transforms.Resize((SIDE, SIDE)), transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
)


def light_network(order: Order, learn_from: int) -> Any:
    """The convolutions, those before `learn_from` frozen, and one linear layer on features pooled to 2 x 2."""
    network = vgg16()
    if order.weights:
        network.load_state_dict(torch.load(order.weights, weights_only=True), strict=False)
    network.avgpool = nn.AdaptiveAvgPool2d(POOLED)
    network.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(512 * POOLED * POOLED, CLASSES))
    for parameter in network.features[:learn_from].parameters():
        parameter.requires_grad = False
    if order.model and os.path.exists(order.model):
        network.load_state_dict(torch.load(order.model, weights_only=True))
    network.to(order.device)
    return network


def loader(order: Order, part: str) -> DataLoader[Any]:
    """One part of the folder."""
    pictures = ImageFolder(os.path.join(order.data, part), transform)
    return DataLoader(pictures, order.batch, shuffle=part == "train", num_workers=WORKERS)


def waiting(order: Order) -> Callable[[], object]:
    """What waits until the device is done."""
    return torch.cuda.synchronize if order.device == "cuda" else lambda: None


def learning(network: nn.Module, order: Order) -> Callable[[Tensor, Tensor], float]:
    """One step of learning."""
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.001, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()

    def step(pictures: Tensor, labels: Tensor) -> float:
        optimizer.zero_grad()
        loss = loss_of(network(pictures.to(order.device)), labels.to(order.device))
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def noise(order: Order) -> tuple[Tensor, Tensor]:
    """A batch of nothing, to warm up with."""
    return torch.randn(order.batch, 3, SIDE, SIDE), torch.randint(CLASSES, (order.batch,))


def forward(order: Order, watch: Watch) -> int:
    """C1: the whole network on pictures that lie in memory."""
    network = vgg16().to(order.device).eval()
    pictures = noise(order)[0].to(order.device)
    steps = max(1, order.pictures // order.batch)
    with torch.no_grad():
        network(pictures)
        waiting(order)()
        watch.time("pictures", lambda: [network(pictures) for _ in range(steps)], waiting(order))
    return steps * order.batch


def extraction(order: Order, watch: Watch) -> int:
    """C5: from the disk to the features of the convolutions."""
    network = light_network(order, 31).eval()
    batches = loader(order, "train")
    with torch.no_grad():
        network(noise(order)[0].to(order.device))
        watch.time("pictures", lambda: [network.features(p.to(order.device)).cpu() for p, _ in batches], waiting(order))
    return len(batches.dataset)  # type: ignore[arg-type]


def epoch(network: nn.Module, order: Order, watch: Watch) -> dict[str, int]:
    """C6, C8: an epoch of learning and one check, after a step that is not counted."""
    step = learning(network.train(), order)
    step(*noise(order))
    train, val = loader(order, "train"), loader(order, "val")
    watch.time("train", lambda: [step(pictures, labels) for pictures, labels in train], waiting(order))
    network.eval()
    right = 0
    began = time.perf_counter()
    with torch.no_grad():
        for pictures, labels in val:
            right += int((network(pictures.to(order.device)).argmax(1).cpu() == labels).sum())
    watch.since("val", began)
    return {"train": len(train.dataset), "val": len(val.dataset)}  # type: ignore[arg-type]


def whole_step(order: Order, watch: Watch) -> int:
    """C7: learning steps of the whole network with its classic head."""
    network = vgg16(num_classes=CLASSES).to(order.device).train()
    step = learning(network, order)
    steps = max(1, order.pictures // order.batch)
    step(*noise(order))
    watch.time("pictures", lambda: [step(*noise(order)) for _ in range(steps)], waiting(order))
    return steps * order.batch


def naming(order: Order, watch: Watch) -> int:
    """C3, C4: load the network, name the pictures of `val`, write a CSV. `watch` leaves out the first batch."""
    network = light_network(order, 31).eval()
    batches = loader(order, "val")
    names = batches.dataset.classes  # type: ignore[attr-defined]
    with open(order.out or os.devnull, "w", newline="", encoding="utf-8") as file, torch.no_grad():
        table = csv.writer(file)
        network(noise(order)[0].to(order.device))
        began = time.perf_counter()
        for pictures, _ in batches:
            chances = network(pictures.to(order.device)).softmax(1).cpu()
            table.writerows((names[row.argmax()], f"{row.max():.4f}") for row in chances)
        watch.since("pictures", began)
    return len(batches.dataset)  # type: ignore[arg-type]


def one_picture(order: Order, watch: Watch) -> int:
    """C3: one picture from its file, as the tutorials do it; the first with loading, then again and again."""
    pictures = ImageFolder(os.path.join(order.data, "val"))

    def name(network: nn.Module, row: int) -> int:
        ready = transform(pictures.loader(pictures.imgs[row][0])).unsqueeze(0).to(order.device)
        return int(network(ready).argmax())

    network = light_network(order, 31).eval()
    with torch.no_grad():
        name(network, 0)
        if order.more.get("warm"):
            rows = range(1, 1 + int(order.more["warm"]))
            watch.time("pictures", lambda: [name(network, row % len(pictures)) for row in rows], waiting(order))
            return len(rows)
    return 1


def decoding(order: Order, watch: Watch) -> int:
    """C10: from files to tensors of the network's size."""
    batches = loader(order, "train")
    watch.time("pictures", lambda: [None for _ in batches])
    return len(batches.dataset)  # type: ignore[arg-type]


def save(order: Order, _watch: Watch) -> int:
    """The file of weights that C3 and C4 load."""
    torch.save(light_network(order, 31).state_dict(), order.model)
    return 0


WORK = {
    "C1": forward,
    "C3": one_picture,
    "C4": naming,
    "C5": extraction,
    "C7": whole_step,
    "C10": decoding,
    "save": save,
}


def main() -> None:
    """Do the one job that was asked for."""
    order, watch = given(), Watch()
    torch.set_num_threads(order.threads)
    if order.job in ("C6", "C8"):
        counts = epoch(light_network(order, 31 if order.job == "C6" else BLOCK5), order, watch)
    else:
        counts = {"pictures": WORK[order.job](order, watch)}
    say(watch, HOW, ("torch", "torchvision"), counts=counts)


if __name__ == "__main__":
    main()
