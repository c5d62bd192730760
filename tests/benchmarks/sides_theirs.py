"""The peers' side of each job. What takes too long as a whole is multiplied from rates, and says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Measured, rounds_multiplied
from tests.benchmarks.peer import Answer, last_line
from vgg_studio.core import vgg

WITH_OPTIONS = " with its fastest options"
PEERS = ("timm", "fastai", "ultralytics", "keras")


def of(side: str) -> tuple[str, dict[str, bool]]:
    """The script of a side, and whether it uses the peer's own faster options."""
    return side.removesuffix(WITH_OPTIONS), {"fast": True} if side.endswith(WITH_OPTIONS) else {}


def forward(bench: Bench, side: str) -> list[Measured]:
    """C1."""
    peer, more = of(side)
    answer = bench.ask(peer, "C1", more=more)
    return [bench.measured("C1", side, answer.rate(), f"{answer.how}; {answer.counts['pictures']} pictures")]


def extraction(bench: Bench, side: str) -> list[Measured]:
    """C5."""
    peer, more = of(side)
    answer = bench.ask(peer, "C5", more=more, data=str(bench.rate_folder))
    return [bench.measured("C5", side, answer.rate(), f"{answer.how}; {answer.counts['pictures']} pictures")]


def frozen(bench: Bench, side: str) -> list[Measured]:
    """C6, and C9 by the same process."""
    peer, more = of(side)
    answer = bench.ask(peer, "C6", more=more, data=str(bench.rate_folder))
    seconds, how = _multiplied(bench, answer)
    whole = seconds + answer.start_up
    return [
        bench.measured("C6", side, seconds, how),
        bench.measured("C9", side, whole, f"{answer.start_up:.0f} s of start-up and the rounds of C6"),
    ]


def block5(bench: Bench, side: str) -> list[Measured]:
    """C8."""
    answer = bench.ask(side, "C8", data=str(bench.rate_folder))
    seconds, how = _multiplied(bench, answer)
    return [bench.measured("C8", side, seconds, how)]


def _multiplied(bench: Bench, answer: Answer) -> tuple[float, str]:
    sizes = bench.sizes
    train, val = answer.rate("train"), answer.rate("val")
    seconds = rounds_multiplied(sizes.epochs, sizes.whole_train, sizes.whole_val, train, val)
    seen = f"{answer.counts['train']} + {answer.counts['val']} pictures"
    whole = f"{sizes.epochs} rounds of {sizes.whole_train} + {sizes.whole_val}"
    return seconds, f"{answer.how}; {seen} at {train:.2f} and {val:.2f} a second, multiplied to {whole}"


def whole_step(bench: Bench, side: str) -> list[Measured]:
    """C7."""
    answer = bench.ask(side, "C7", batch=bench.sizes.step_batch)
    how = f"{answer.how}; {answer.counts['pictures']} pictures in steps of {bench.sizes.step_batch}, after a warm-up"
    return [bench.measured("C7", side, answer.rate(), how)]


def _model(bench: Bench) -> str:
    file = bench.work / f"tutorial-{bench.device}.pth"
    if not file.exists():
        bench.ask("tutorial", "save", model=str(file))
    return str(file)


def one_picture(bench: Bench, side: str) -> list[Measured]:
    """C3: a script that loads the network and names one picture; then the same picture after picture."""
    order = {"data": str(bench.warm_folder), "model": _model(bench)}
    cold = bench.ask(side, "C3", **order)
    warm = bench.ask(side, "C3", more={"warm": bench.sizes.warm}, **order)
    return [
        bench.measured("C3 cold", side, cold.wall, "a script that loads network and picture, the whole process"),
        bench.measured("C3 warm", side, 1 / warm.rate(), "one picture after another in one process"),
    ]


def table(bench: Bench, side: str) -> list[Measured]:
    """C4."""
    data = bench.folder("to name", 0, bench.sizes.rate_train)
    answer = bench.ask(side, "C4", data=str(data), model=_model(bench), out=str(bench.work / "tutorial.csv"))
    seconds = answer.start_up + bench.sizes.named / answer.rate()
    seen = f"{answer.counts['pictures']} pictures at {answer.rate():.2f} a second"
    how = f"{seen}, multiplied to {bench.sizes.named}, with start-up"
    return [bench.measured("C4", side, seconds, how)]


def decoding(bench: Bench, side: str) -> list[Measured]:
    """C10."""
    small = bench.ask(side, "C10", data=str(bench.folder("decoded", bench.sizes.decoded, 0)))
    large = bench.ask(side, "C10", data=str(bench.large()))
    how = "Pillow and torchvision's Resize in a DataLoader with 2 workers"
    return [
        bench.measured("C10 small", side, small.rate(), how),
        bench.measured("C10 large", side, large.rate(), how),
    ]


def product(bench: Bench, _side: str) -> list[Measured]:
    """The matrix product, as the pictures a second that VGG-16's convolutions would come to at its rate."""
    script = str(Path(__file__).parent / "limit.py")
    ended = subprocess.run([sys.executable, script, bench.device], capture_output=True, text=True, check=True)
    shape = vgg.Shape("vgg16")
    macs = sum(layer.macs for layer in vgg.layers(shape) if layer.kind == "conv")
    return [
        bench.measured(
            job, f"{kind} product", rate * 1e9 / (2 * macs), f"{rate:,.0f} GFLOP/s, 4096 x 4096, best of five"
        )
        for kind, rate in last_line(ended.stdout)["gflops"].items()
        for job in ("C1", "C5")
    ]


def product_for_steps(bench: Bench, side: str) -> list[Measured]:
    """The same for learning steps of the whole network, which cost three passes."""
    whole = vgg.macs(vgg.Shape("vgg16"))
    convolutions = sum(layer.macs for layer in vgg.layers(vgg.Shape("vgg16")) if layer.kind == "conv")
    return [
        bench.measured("C7", one.side, one.value * convolutions / whole / 3, one.how)
        for one in product(bench, side)
        if one.job == "C5"
    ]
