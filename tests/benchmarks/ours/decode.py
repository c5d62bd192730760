"""C10 on our side: from files to bytes of the network's size, with the engine's own threads."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.benchmarks.peers.speaking import SIDE, Watch as Stopwatch, given, say
from vgg_studio.core.jobs import TrainJob
from vgg_studio.core.preprocessing import for_new_run
from vgg_studio.engine.data import ahead, open_array, workers


def main() -> None:
    """Open every picture of the training part."""
    order, watch = given(), Stopwatch()
    prep = for_new_run(TrainJob(image_size=SIDE))
    files = sorted(str(file) for file in (Path(order.data) / "train").rglob("*.jpg"))
    open_array(files[0], prep)
    tasks = [partial(open_array, file, prep) for file in files]
    watch.time("pictures", lambda: [None for _ in ahead(tasks, workers())])
    say(watch, f"{workers()} threads, scaled decoding where it pays", ("pillow",), counts={"pictures": len(files)})


if __name__ == "__main__":
    main()
