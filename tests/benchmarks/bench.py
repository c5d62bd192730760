"""What all measurements of one run share: sizes, pictures, homes for our processes, a network to name with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import peer
from tests.benchmarks.figures import Measured
from tests.benchmarks.pictures import Pictures, weights
from tests.benchmarks.studio import Engine
from vgg_studio.core.events import MachineProfile, MachineTuned
from vgg_studio.core.jobs import TrainJob, TuneJob
from vgg_studio.engine.serve import ROLES


@dataclass(frozen=True)
class Sizes:
    """How much of everything. Rates come from `rate_*`; `whole_*` and `epochs` are what a frozen training is."""

    rate_train: int = 96
    rate_val: int = 32
    whole_train: int = 1000
    whole_val: int = 250
    epochs: int = 10
    named: int = 500
    decoded: int = 256
    large: int = 16
    memory: tuple[int, int] = (1000, 4000)
    warm: int = 5
    watched: float = 15.0
    starts: int = 3
    batch: int = 16
    step_batch: int = 16

    def words(self) -> str:
        """What the page says of it."""
        return (
            f"a frozen training is {self.epochs} rounds of {self.whole_train} + {self.whole_val} pictures, batch {self.batch}; "
            f"rates come from {self.rate_train} + {self.rate_val} pictures, and equal rounds are multiplied"
        )


FULL = Sizes()
QUICK = Sizes(16, 16, 48, 16, 10, 32, 64, 4, (100, 400), 3, 5.0, 1)
CARD = Sizes(2048, 512, 1000, 250, 10, 500, 256, 16, (1000, 4000), 20, 15.0, 3, 64, 256)


@dataclass
class Bench:
    """One run of the benchmark on one device."""

    device: str
    sizes: Sizes
    work: Path
    pictures: Pictures
    versions: dict[str, str] = field(default_factory=dict)
    profile: MachineProfile | None = None
    _folders: dict[str, Path] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)
    _model: str = ""

    def folder(self, name: str, train: int, val: int, side: int = 0) -> Path:
        """A folder of pictures, made at its first use."""
        return self._made(f"{name} {train} {val}", lambda place: self.pictures.folder(place, train, val, side))

    def large(self) -> Path:
        """Photos from a telephone."""
        return self._made("large", lambda place: self.pictures.large(place, self.sizes.large))

    def _made(self, name: str, make: Callable[[str], Path]) -> Path:
        if name not in self._folders:
            self._folders[name] = make(f"{self.device}-{name.replace(' ', '-')}")
        return self._folders[name]

    @property
    def rate_folder(self) -> Path:
        """Pictures that rates are taken from."""
        return self.folder("rate", self.sizes.rate_train, self.sizes.rate_val)

    @property
    def whole_folder(self) -> Path:
        """Pictures of a whole frozen training."""
        return self.folder("whole", self.sizes.whole_train, self.sizes.whole_val)

    @property
    def warm_folder(self) -> Path:
        """A few pictures to warm up with."""
        return self.folder("warm", 10, 5)

    def tune(self) -> MachineProfile:
        """Let the machine be measured, in the home that others are copied from: nothing is measured while a job is."""
        role = next(role for role, work in ROLES.items() if TuneJob in work)
        with Engine(role, self._base) as engine:
            engine.order(TuneJob(variant="vgg11", device=self.device))  # of the job that watches the memory
            told = engine.order(TuneJob(variant="vgg16", device=self.device))
        self.profile = next(event.profile for event in told.of(MachineTuned) if isinstance(event, MachineTuned))
        return self.profile

    @property
    def _base(self) -> Path:
        return self.work / f"home-{self.device}"

    def home(self) -> Path:
        """A fresh home, in which the machine is known and no picture is."""
        fresh = self.work / f"home-{self.device}-{next(self._numbers)}"
        if self._base.exists():
            shutil.copytree(self._base, fresh)
        else:
            fresh.mkdir()
        return fresh

    def drop(self, home: Path) -> None:
        """Give the room of a home back."""
        shutil.rmtree(home, ignore_errors=True)

    def job(self, data: Path, home: Path, name: str, **settings: Any) -> TrainJob:
        """A training of VGG-16 behind its frozen convolutions, without augmentation, as both sides do it."""
        usual: dict[str, Any] = {
            "variant": "vgg16",
            "weights": weights() or "none",
            "train_from": "fc8",
            "head": "light",
            "epochs": self.sizes.epochs,
            "batch_size": self.sizes.batch,
            "variation": "none",
            "device": self.device,
        }
        return TrainJob(data=str(data), run=str(home / "runs" / name), **(usual | settings))

    def model(self) -> str:
        """The run folder of a trained network, made once, for naming pictures."""
        if not self._model:
            home = self.home()
            with Engine("train", home) as engine:
                self._model = engine.order(self.job(self.warm_folder, home, "model", epochs=1)).run
        return self._model

    def ask(self, who: str, job: str, **order: Any) -> peer.Answer:
        """One measurement by a script in an environment of its own; its versions are kept."""
        usual = {
            "batch": self.sizes.batch,
            "pictures": self.sizes.rate_train,
            "device": self.device,
            "weights": weights(),
            "threads": peer.threads(),
        }
        answer = peer.ask(who, self.work, self._base, job=job, **(usual | order))
        self.versions |= answer.versions
        return answer

    def measured(self, job: str, side: str, value: float, how: str = "", forecast: float | None = None) -> Measured:
        """A measurement on this device."""
        return Measured(job, side, value, how, self.device, forecast)

    def ways(self) -> str:
        """What was measured on this machine, fastest first."""
        if self.profile is None:
            return "not measured"
        return "; ".join(
            f"{one.way.backend} {one.way.precision} {one.way.convolution} {one.macs_per_second / 1e9:.0f} GMAC/s"
            for one in self.profile.extract
        )


def copied(job: TrainJob, **settings: Any) -> TrainJob:
    """The job with other settings."""
    return msgspec.structs.replace(job, **settings)
