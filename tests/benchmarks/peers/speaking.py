"""What every peer's script needs: the order it was given, a warm-up that is not counted, and one line of JSON as its answer.

Runs in the peer's own environment: the standard library alone.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

SIDE, CLASSES, POOLED = 224, 5, 2


@dataclass(frozen=True)
class Order:
    """What is asked for. `data` holds train/<class>/ and val/<class>/; `pictures` counts where none are read."""

    job: str
    data: str = ""
    pictures: int = 96
    batch: int = 16
    device: str = "cpu"
    threads: int = 2
    weights: str = ""  # a file of VGG-16's convolutions; empty: a random start
    model: str = ""  # a file of the network's weights as this peer keeps them
    out: str = ""
    more: dict[str, Any] = field(default_factory=dict)


def given() -> Order:
    """The order on the command line."""
    return Order(**json.loads(sys.argv[1]))


class Watch:
    """Seconds of named stretches of work."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], object], synchronise: Callable[[], object] | None = None) -> None:
        """Do the work and add its time to that of its name; `synchronise` waits until a card is done."""
        began = time.perf_counter()
        work()
        if synchronise is not None:
            synchronise()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def since(self, name: str, began: float) -> None:
        """Add the time from `began` (a `time.perf_counter()`) until now."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def say(watch: Watch, how: str, packages: Iterable[str], **facts: Any) -> None:
    """Answer: seconds by name, counts and other facts, how it was done, versions. Then leave at once.

    At once, because some frameworks take seconds to tear down what they no longer need, which nobody measures.
    """
    versions = {package: importlib.metadata.version(package) for package in packages}
    answer = {"seconds": watch.seconds, "how": how, "versions": versions, **facts}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


def count_pictures(folder: str) -> int:
    """Files in the class folders of a part."""
    return sum(len(files) for _, _, files in os.walk(folder))
