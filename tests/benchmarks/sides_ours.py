"""Our side of each job, through the orders that the window and the command line give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks import start
from tests.benchmarks.bench import Bench, copied
from tests.benchmarks.figures import Measured
from tests.benchmarks.peer import last_line
from tests.benchmarks.studio import Engine, OrderError, Told, command, environment
from vgg_studio.core.events import BatchEnded, FeaturesReady, PictureRef
from vgg_studio.core.jobs import PredictJob

WAYS: dict[str, dict[str, str]] = {  # side: what is asked of the engine
    "studio": {},
    "studio bf16": {"precision": "bf16", "backend": "torch"},
    "studio fp32": {"precision": "fp32"},
    "studio torch fp32": {"precision": "fp32", "backend": "torch"},
}
_READING = ("reading", "preparing", "extracting")
_MEMORY = {"variant": "vgg11", "image_size": 96, "weights": "none"}


def way_of(told: Told) -> str:
    """How the frozen part was computed."""
    ready = next((event for event in told.of(FeaturesReady) if isinstance(event, FeaturesReady)), None)
    if ready is None:
        return "nothing frozen"
    way = ready.way
    beside = f", {way.workers} side by side" if way.workers > 1 else ""
    return f"{way.backend} {way.precision}, {way.convolution}, {way.layout}{beside}, kept as {ready.precision}"


def forward(bench: Bench, side: str) -> list[Measured]:
    """C1."""
    answer = bench.ask("forward", "C1", more=WAYS[side])
    return [bench.measured("C1", side, answer.rate(), answer.how)]


def extraction(bench: Bench, side: str) -> list[Measured]:
    """C5: all pictures of a folder, from the disk to kept features, in an engine that has computed before."""
    home = bench.home()
    with Engine("train", home) as engine:
        engine.order(bench.job(bench.warm_folder, home, "warm", epochs=1, **WAYS[side]))
        told = engine.order(bench.job(bench.rate_folder, home, "rate", epochs=1, **WAYS[side]))
    bench.drop(home)
    rate = told.computed / told.in_phases(*_READING)
    return [bench.measured("C5", side, rate, f"{way_of(told)}; {told.computed} pictures, read, computed and kept")]


def frozen(bench: Bench, side: str) -> list[Measured]:
    """C6 with what follows it in the same engine: another learning rate, then the last layer alone by L-BFGS."""
    home = bench.home()
    with Engine("train", home) as engine:
        first = bench.job(bench.whole_folder, home, "first", **WAYS[side])
        told = engine.order(first)
        whole = engine.ready_seconds + told.seconds
        again = engine.order(copied(first, run=str(home / "runs" / "second"), learning_rate=0.003))
        last = engine.order(
            copied(first, run=str(home / "runs" / "third"), learning_rate=None, optimizer="lbfgs", epochs=1)
        )
    bench.drop(home)
    done = f"{way_of(told)}; run as a whole: {bench.sizes.whole_train} + {bench.sizes.whole_val} pictures"
    found = [
        bench.measured("C6", side, told.seconds, done, told.forecast_grade()),
        bench.measured("C9", side, whole, f"from the start of the process; {done}"),
    ]
    if side == "studio":
        found += [
            bench.measured("again", "second run", again.seconds, "other learning rate", again.forecast_grade()),
            bench.measured("again", "first run", told.seconds, done),
            bench.measured("retrain", "last layer", last.seconds, "L-BFGS on cached features", last.forecast_grade()),
        ]
    return found


def whole_step(bench: Bench, side: str) -> list[Measured]:
    """C7: learning steps of the whole network, from the first batch that was told to the last."""
    home, batch = bench.home(), bench.sizes.step_batch
    settings = {"train_from": "block1", "head": "classic", "epochs": 1, "batch_size": batch, "weights": "none"}
    data = bench.folder("steps", bench.sizes.rate_train + 2 * batch, 5)
    with Engine("train", home) as engine:
        told = engine.order(bench.job(data, home, "steps", **settings | WAYS[side]))
    bench.drop(home)
    marks = [(at, event.pictures) for at, event in told.events if isinstance(event, BatchEnded) and event.pictures]
    (began, before), (ended, after) = marks[0], marks[-1]
    how = f"{after - before} pictures in steps of {batch}, after a warm-up"
    return [bench.measured("C7", side, (after - before) / (ended - began), how, told.forecast_grade())]


def block5(bench: Bench, side: str) -> list[Measured]:
    """C8: features once, and the second of two rounds for each round."""
    home, sizes = bench.home(), bench.sizes
    with Engine("train", home) as engine:
        job = bench.job(bench.rate_folder, home, "block5", train_from="block5", epochs=2, **WAYS[side])
        told = engine.order(job)
    bench.drop(home)
    share = (sizes.whole_train + sizes.whole_val) / (sizes.rate_train + sizes.rate_val)
    once, each = told.in_phases(*_READING) * share, told.round_seconds(2) * share
    how = f"{way_of(told)}; {sizes.rate_train} + {sizes.rate_val} pictures, multiplied: {once:.0f} s once, {each:.0f} s a round"
    return [bench.measured("C8", side, once + sizes.epochs * each, how, told.forecast_grade())]


def one_picture(bench: Bench, side: str) -> list[Measured]:
    """C3: the whole command for one picture, and one more picture in an engine that knows the network."""
    files = sorted(str(file) for file in (bench.warm_folder / "val").rglob("*.jpg"))
    home = bench.home()
    cold = command(["predict", bench.model(), files[0], "--device", bench.device], home)
    with Engine("predict", home) as engine:
        job = PredictJob(model=bench.model(), pictures=[PictureRef(path=files[0])], device=bench.device)
        engine.order(job)
        times = [engine.order(job).seconds for _ in range(bench.sizes.warm)]
    bench.drop(home)
    return [
        bench.measured("C3 cold", side, cold, "vgg-studio predict, the whole process"),
        bench.measured("C3 warm", side, sorted(times)[len(times) // 2], "an order to a warm engine"),
    ]


def table(bench: Bench, side: str) -> list[Measured]:
    """C4: the whole command."""
    data = bench.folder("named", 0, bench.sizes.named)
    home = bench.home()
    file = home / "names.csv"
    words = ["predict", bench.model(), str(data), "--csv", str(file), "--device", bench.device]
    seconds = command(words, home)
    lines = len(file.read_text(encoding="utf-8").splitlines()) - 1
    bench.drop(home)
    if lines != bench.sizes.named:
        raise OrderError(f"{lines} of {bench.sizes.named} pictures were named")
    return [bench.measured("C4", side, seconds, f"vgg-studio predict --csv, all {lines} pictures")]


def decoding(bench: Bench, side: str) -> list[Measured]:
    """C10."""
    small = bench.ask("decode", "C10", data=str(bench.folder("decoded", bench.sizes.decoded, 0)))
    large = bench.ask("decode", "C10", data=str(bench.large()))
    return [
        bench.measured("C10 small", side, small.rate(), small.how),
        bench.measured("C10 large", side, large.rate(), large.how),
    ]


def memory(bench: Bench, side: str) -> list[Measured]:
    """C13: anonymous memory after each of five rounds, and at most for few and for many pictures."""
    anon: dict[int, list[int]] = {}
    for pictures in bench.sizes.memory:
        home = bench.home()
        data = bench.folder("memory", pictures, pictures // 4, side=_MEMORY["image_size"])  # type: ignore[arg-type]
        with Engine("train", home) as engine:
            anon[pictures] = engine.order(bench.job(data, home, "memory", epochs=5, **_MEMORY)).anon_by_round
        bench.drop(home)
    few, many = (anon[pictures] for pictures in bench.sizes.memory)
    if not all(few):
        raise OrderError("this system does not tell a process's anonymous memory")
    small, large = bench.sizes.memory
    how = f"VGG-11 at {_MEMORY['image_size']} px, light head"
    told = f"{how}; {max(few) / 2**20:.0f} MiB with {small}, {max(many) / 2**20:.0f} MiB with {large} pictures"
    return [
        bench.measured("C13 rounds", side, 100 * (max(few[1:]) / few[0] - 1), f"{how}; {small} pictures"),
        bench.measured("C13 pictures", side, 100 * (max(many) / max(few) - 1), told),
    ]


def window(bench: Bench, side: str) -> list[Measured]:
    """C14: the start's marks, and how long the window stands still while a training goes on."""
    home = bench.home()
    settings = environment(home) | {"VGG_STUDIO_TRACE": "1"}
    start.start_once(settings)
    starts = [start.start_once(settings) for _ in range(bench.sizes.starts)]
    found = [
        bench.measured("C14 start", name.replace("_", " "), sorted(one[name] for one in starts)[len(starts) // 2])
        for name in starts[0]
    ]
    words = [str(Path(__file__).parent / "ours" / "window_gap.py"), str(bench.warm_folder), str(bench.sizes.watched)]
    ended = subprocess.run([sys.executable, *words], env=environment(home), capture_output=True, text=True, check=False)
    gaps = last_line(ended.stdout)
    bench.drop(home)
    how = f"usually {gaps['usual']:.0f} ms; while a small training goes on in its engine on the same cores"
    return [*found, bench.measured("C14 gap", side, gaps["longest"], how)]
