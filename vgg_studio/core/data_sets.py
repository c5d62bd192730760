"""The data sets of the tutorials as facts: what each is, where it is published, and how its files are recognised on a disk.

The readers in `pictures/` are our own: torchvision's need torch and seconds of import, and take what a pickled file says.
Addresses, names and md5 sums are torchvision's (a test compares them), but for http, which nobody should have to trust.
"""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from vgg_studio.core.errors import DataSetMissing
from vgg_studio.core.language import N_

Kind = Literal["cifar", "idx"]


class RemoteFile(NamedTuple):
    """A published file; `digest` is "md5:..." or "sha256:..."."""

    name: str
    address: str
    digest: str
    size: int  # bytes


class DataSet(NamedTuple):
    """A data set that can be fetched. `kept` are the files, below its folder, that it consists of once it is there."""

    name: str
    title: str
    about: str
    files: tuple[RemoteFile, ...]
    kept: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(file.size for file in self.files)


class Found(NamedTuple):
    """A data set without picture files: how it is stored, and the folder of its files."""

    kind: Kind
    folder: str


FLOWERS = "flowers"  # the one set that consists of pictures' files
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
CIFAR_TEST, CIFAR_META = "test_batch", "batches.meta"
CIFAR_SUMS = {  # nothing else is unpickled
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
IDX_FILES = {  # of each part: pictures and labels, each also with .gz
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
_FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/"

SETS: dict[str, DataSet] = {
    one.name: one
    for one in (
        DataSet(
            "cifar10",
            "CIFAR-10",
            N_("60,000 small colour pictures of 32 px in 10 classes: animals and vehicles"),
            (
                RemoteFile(
                    "cifar-10-python.tar.gz",
                    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                    "md5:c58f30108f718f92721af3b95e74349a",
                    170_498_071,
                ),
            ),
            tuple(f"{CIFAR_FOLDER}/{name}" for name in CIFAR_SUMS),
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ),
        DataSet(
            "fashion-mnist",
            "Fashion-MNIST",
            N_("70,000 small grey pictures of 28 px in 10 classes: clothes, shoes and bags"),
            (
                RemoteFile(
                    "train-images-idx3-ubyte.gz",
                    f"{_FASHION}train-images-idx3-ubyte.gz",
                    "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    26_421_880,
                ),
                RemoteFile(
                    "train-labels-idx1-ubyte.gz",
                    f"{_FASHION}train-labels-idx1-ubyte.gz",
                    "md5:25c81989df183df01b3e8a0aad5dffbe",
                    29_515,
                ),
                RemoteFile(
                    "t10k-images-idx3-ubyte.gz",
                    f"{_FASHION}t10k-images-idx3-ubyte.gz",
                    "md5:bef4ecab320f06d8554ea6380940ec79",
                    4_422_102,
                ),
                RemoteFile(
                    "t10k-labels-idx1-ubyte.gz",
                    f"{_FASHION}t10k-labels-idx1-ubyte.gz",
                    "md5:bb300cfdad3c16e7a12a480ee83cd310",
                    5_148,
                ),
            ),
            tuple(f"{name}.gz" for names in IDX_FILES.values() for name in names),
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
        ),
        DataSet(
            FLOWERS,
            "flower_photos",
            N_("3,670 photographs of five kinds of flowers"),
            (
                RemoteFile(
                    "flower_photos.tgz",
                    f"{_FLOWERS}flower_photos.tgz",
                    "sha256:4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
                    228_813_984,
                ),
            ),
            ("flower_photos",),
            ("daisy", "dandelion", "roses", "sunflowers", "tulips"),
        ),
    )
}
_ARCHIVES = (".zip", ".tgz", ".tar", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_DEEPEST = 4  # folders that wrap each other
_BELOW = ("", CIFAR_FOLDER, "raw", os.path.join("FashionMNIST", "raw"), os.path.join("MNIST", "raw"))


def find(folder: str) -> Found | None:
    """The data set whose files lie in a folder, or where torchvision keeps them below it; None for any other folder.

    Looks through folders that only wrap another, as archives do.
    """
    for _ in range(_DEEPEST):
        for below in _BELOW:
            inner = os.path.join(folder, below) if below else folder
            if all(os.path.isfile(os.path.join(inner, name)) for name in (*CIFAR_TRAIN, CIFAR_TEST)):
                return Found("cifar", inner)
            if all(idx_file(inner, name) for name in IDX_FILES["train"]):
                return Found("idx", inner)
        if not (folder := _only_folder(folder)):
            break
    return None


def _only_folder(folder: str) -> str:
    """The one folder that is all there is in a folder; "" where there is more, or less."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry, _ in zip((one for one in entries if one.name[0] != "."), range(2), strict=False)]
    except OSError:
        return ""
    return found[0].path if len(found) == 1 and found[0].is_dir() else ""


def idx_file(folder: str, name: str) -> str:
    """The path of an idx file, plain or as .gz; "" where there is none."""
    return next((path for end in ("", ".gz") if os.path.isfile(path := os.path.join(folder, name + end))), "")


def is_there(name: str, home: str) -> bool:
    """Whether a data set lies ready below `home`, the user's folder of data sets."""
    paths = [os.path.join(home, name, file) for file in SETS[name].kept]
    return all(os.path.exists(path) or os.path.isfile(path.removesuffix(".gz")) for path in paths)


def is_archive(path: str) -> bool:
    """Whether a path names a file that may hold folders of pictures."""
    return path.lower().endswith(_ARCHIVES) and os.path.isfile(path)


def is_address(text: str) -> bool:
    """Whether a text means a data set by its name (`cifar10`, `cifar10:folder`) and no folder or file that is there."""
    return text.partition(":")[0] in SETS and not os.path.lexists(text)


def resolve(text: str, home: str) -> str:
    """The folder or archive that a text means: a path as it is, `cifar10` in `home`, `cifar10:path` that path.

    One file of a set that is stored in several means the folder it lies in. Raises DataSetMissing.
    """
    if is_address(text):
        name, _, path = text.partition(":")
        if not path and not is_there(name, home):
            raise DataSetMissing(name=name, path=os.path.join(home, name))
        text = path or os.path.join(home, name)
        if os.path.isdir(text) and name != FLOWERS and find(text) is None:
            raise DataSetMissing(name=name, path=text)
    if os.path.isfile(text) and not is_archive(text) and find(os.path.dirname(os.path.abspath(text))):
        return os.path.dirname(os.path.abspath(text))
    return text
