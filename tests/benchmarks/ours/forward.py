"""C1 on our side: the whole VGG-16 with its classic head on pictures of bytes in memory, through the engine's own extractor."""

from __future__ import annotations

import torch

from tests.benchmarks.peers.speaking import SIDE, Watch as Stopwatch, given, say
from vgg_studio.core import vgg
from vgg_studio.core.preprocessing import Preprocessing
from vgg_studio.engine import network as networks, tuning
from vgg_studio.engine.device import choose, prepare_process
from vgg_studio.engine.extract import Extractor

LAST = "fc8"


def main() -> None:
    """Warm up with one batch, then time the rest."""
    order, watch = given(), Stopwatch()
    prepare_process()
    device = choose(order.device)
    shape = vgg.Shape("vgg16")
    backend, precision = order.more.get("backend", "auto"), order.more.get("precision", "auto")
    way = tuning.way_for(tuning.remembered("vgg16", device), device, backend, precision, shape, SIDE)
    network = networks.build(shape).to(device.torch).eval()
    _, head = networks.trunk_and_head(network, LAST)
    prep = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    extractor = Extractor(network, LAST, prep, device, way, "fp32")
    pictures = torch.randint(0, 256, (extractor.batch, SIDE, SIDE, 3), dtype=torch.uint8)
    steps = max(1, order.pictures // extractor.batch)

    def answer() -> None:
        with torch.inference_mode():
            head(extractor(pictures).to(device.torch))

    def answers() -> None:
        for _ in range(steps):
            answer()

    wait = torch.cuda.synchronize if device.torch.type == "cuda" else None
    answer()
    watch.time("pictures", answers, wait)
    how = (
        f"{way.backend} {way.precision}, {way.convolution}, {way.layout}, batch {way.batch}, {way.workers} side by side"
    )
    say(watch, how, ("torch",), counts={"pictures": steps * extractor.batch})


if __name__ == "__main__":
    main()
