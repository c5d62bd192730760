"""A run as a short torch script: what somebody would have typed who learned it from a tutorial. Pure text.

`script` gives a whole program that needs torch, torchvision and Pillow; beside it lie the weights that the run started from
and its split. Tests run the scripts and hold their losses beside the runs'.
"""

from __future__ import annotations

import json
import textwrap
import unicodedata
from dataclasses import dataclass

from vgg_studio.core import code_learning as learning, data_sets, loading_code, recipe_words, vgg
from vgg_studio.core.jobs import CROPPING, TrainJob
from vgg_studio.core.language import _
from vgg_studio.core.preprocessing import Preprocessing

WIDTH = 96  # columns of a comment; letters of Chinese take two


@dataclass(frozen=True)
class Told:
    """What a script is made of. `initial`, `split` and `best` are file names beside it; `raw`: some names are no text."""

    job: TrainJob  # as the run's manifest has it, with everything chosen
    shape: vgg.Shape
    prep: Preprocessing
    run: str
    initial: str
    split: str
    best: str
    precision: str = "fp32"
    processes: int = 1
    raw: bool = False
    checks: bool = True  # there is a validation part
    tests: bool = True  # there is a test part
    learned: int = 0  # rounds that the run has
    extended_at: int = 0  # rounds that it had when it was given more


def script(told: Told) -> str:
    """The program. What it does otherwise than the run stands at its top."""
    parts = [
        _heading(told),
        _imports(told),
        _places(told),
        _preparation(told),
        _pictures(told),
        learning.network(told.shape, told.job, told.initial),
        *learning.sections(told.job, told.shape, told.prep.mirror, told.best, told.checks, told.tests),
    ]
    return "\n\n".join("\n".join(_commented(line) for line in part) for part in parts) + "\n"


def _commented(line: str) -> str:
    """A comment folded to the width, each line with its sign; code stays as it is."""
    start = len(line) - len(line.lstrip())
    if not line.lstrip().startswith("# ") or len(line) <= WIDTH:
        return line
    words = line.lstrip().removeprefix("# ")
    wide = any(unicodedata.east_asian_width(sign) in "WF" for sign in words)
    hanging = "  " if words.startswith("- ") else ""
    room = (WIDTH - start - 2) // (2 if wide else 1)
    folded = textwrap.wrap(words, room, subsequent_indent=hanging, break_on_hyphens=False)
    return "\n".join(" " * start + "# " + text for text in folded)


def _heading(told: Told) -> list[str]:
    name = recipe_words.title(told.job.recipe) or vgg.title(told.job.shape(2).variant)
    lines = [
        "# " + _("{title}: the run {run} of VGG Studio as a plain torch script.").format(title=name, run=told.run),
        "# "
        + _("It starts from the same weights, sees the same pictures in the same parts and learns by the same rules."),
        "#",
        "# " + _("What is different:"),
        *(f"# - {text}" for text in _different(told)),
    ]
    return [line.replace("\n", " ") for line in lines]


def _different(told: Told) -> list[str]:
    job = told.job
    found = [_("Order, crops and dropout are drawn by torch, so results differ as those of two seeds do.")]
    if job.first_stage != "block1":
        found.append(_("Layers that do not learn compute each picture anew; the run had kept what they gave."))
        if job.variation in CROPPING:
            found.append(_("Each cut is a new one; the run had {count} for each picture.").format(count=job.views))
    if job.variation == "flip_crop":
        found.append(_("A crop that would reach beyond its picture is drawn again; the run had cut it off."))
    if told.precision != "fp32":
        found.append(_("All numbers are fp32; the run had computed in {precision}.").format(precision=told.precision))
    if 0 < told.learned < job.epochs and not job.patience:
        found.append(_("All rounds are learned; the run has {rounds}.").format(rounds=told.learned))
    if told.extended_at and learning.changes_rate(job):
        text = _("The rate falls over all rounds; the run was given more of them behind round {round}.")
        found.append(text.format(round=told.extended_at))
    if told.processes > 1:
        found.append(_("One process learns; the run had {count}.").format(count=told.processes))
    if told.job.batch_size > 1:
        found.append(_("A single picture left over at the end of a round is a batch of its own."))
    found.append(
        _("Transparent pictures, and those for printing or of 16 bits, lose a little: Pillow converts them plainly.")
    )
    return found


def _imports(told: Told) -> list[str]:
    job, rows = told.job, _set(told)
    standard = ["csv", "sys"]
    standard += ["math"] if job.schedule == "cosine" and job.optimizer != "lbfgs" else []
    standard += ["copy"] if job.ema and job.optimizer != "lbfgs" else []
    standard += ["base64", "os"] if told.raw else []
    standard += ["gzip"] if rows and rows.kind == "idx" else []
    return [
        *(f"import {name}" for name in sorted(standard)),
        "from pathlib import Path",
        "",
        *(["import numpy as np"] if rows else []),
        "import torch",
        "import torchvision",
        *(["from PIL import Image"] if rows else ["from PIL import Image, ImageOps"]),
        "from torch import nn",
        "from torch.nn import functional as F",
        "from torchvision import transforms",
    ]


def _places(told: Told) -> list[str]:
    job = told.job
    return [
        "HERE = Path(__file__).resolve().parent",
        "# " + _("The pictures; another folder may be named on the command line."),
        f"DATA = Path(sys.argv[1] if len(sys.argv) > 1 else {json.dumps(job.data, ensure_ascii=False)})",
        f"ROUNDS = {job.epochs}",
        f"BATCH = {job.batch_size}",
        "",
        f"torch.manual_seed({job.seed})",
        'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")',
    ]


def _preparation(told: Told) -> list[str]:
    prep, kind = told.prep, told.job.variation
    side = prep.image_size
    scaling = ["*scaled"]
    normalised = f"transforms.Normalize({loading_code.numbers(prep.mean)}, {loading_code.numbers(prep.std)})"
    whole = f"transforms.RandomResizedCrop({side}, scale=(0.4, 1.0), antialias=False)"
    hard = f"transforms.RandomResizedCrop({side}, antialias=False)"
    varied = {
        "none": [],
        "flip": ["transforms.RandomHorizontalFlip()"],
        "flip_crop": [whole, "transforms.RandomHorizontalFlip()"],
        "crop": [hard],
        "crop_upside_down": [hard, "transforms.RandomVerticalFlip()"],
    }[kind]
    if told.job.optimizer == "lbfgs" and kind == "flip":
        varied = []  # both views of each picture are learned from
    to_numbers = ["transforms.ToTensor()"] if prep.channels in loading_code.SIMPLE else [_channels(prep.channels)]
    return [
        "# " + _("How a picture becomes numbers, while learning and for answers."),
        *_list("scaled", [*loading_code.scaling(prep), *to_numbers]),
        f"normalised = {normalised}",
        f"vary = transforms.Compose([{', '.join([*scaling, *varied, 'normalised'])}])",
        "prepare = transforms.Compose([*scaled, normalised])",
    ]


def _list(name: str, steps: list[str]) -> list[str]:
    return [f"{name} = [", *(f"    {step}," for step in steps), "]"]


def _channels(count: int) -> str:
    """Grey and saturation, or colours and grey: `pictures.resizing`."""
    number, grey = "transforms.functional.to_tensor", 'picture.convert("L")'
    if count == 2:
        return f'lambda picture: torch.cat([{number}({grey}), {number}(picture.convert("HSV"))[1:2]])'
    return f"lambda picture: torch.cat([{number}(picture), {number}({grey})])"


def _set(told: Told) -> data_sets.Found | None:
    """Where the pictures are rows of a data set, its files."""
    return data_sets.find(told.job.data)


def _pictures(told: Told) -> list[str]:
    rows = _set(told)
    opening = _opening(told) if rows is None else ['return Image.fromarray(PIXELS[int(row["row"])]).convert("RGB")']
    return [
        *(_pixels(rows, told.job.data) if rows else []),
        "",
        "class Pictures(torch.utils.data.Dataset):",
        f'    """{_("The pictures of a part: train, val or test.")}"""',
        "",
        "    def __init__(self, part, transform):",
        f'        with open(HERE / {json.dumps(told.split)}, encoding="utf-8", newline="") as file:',
        '            self.rows = [row for row in csv.DictReader(file) if row["part"] == part]',
        "        self.transform = transform",
        "",
        "    def __len__(self):",
        "        return len(self.rows)",
        "",
        "    def __getitem__(self, index):",
        "        row = self.rows[index]",
        '        return self.transform(self.open(row)), int(row["label"])',
        "",
        "    def open(self, row):",
        *(f"        {line}" for line in opening),
        "",
        "",
        "def batches(part, transform, shuffle=False):",
        "    return torch.utils.data.DataLoader(Pictures(part, transform), BATCH, shuffle)",
        "",
    ]


def _opening(told: Told) -> list[str]:
    name = 'row["path"].removeprefix("\'")'
    found = []
    if told.raw:
        found = [
            "# " + _("A name that is no text is kept as its bytes."),
            'raw = base64.b64decode(row["raw"].removeprefix("\'"))',
            f"name = os.fsdecode(raw) if raw else {name}",
        ]
        name = "name"
    side = told.prep.decoded_side
    if side:
        found += [
            f"picture = Image.open(DATA / {name})",
            f"picture.draft(None, ({side}, {side}))  # {_('a large JPEG is decoded at a fraction')}",
        ]
    else:
        found += [f"picture = Image.open(DATA / {name})"]
    return [*found, 'return ImageOps.exif_transpose(picture).convert("RGB")']


def _pixels(rows: data_sets.Found, data: str) -> list[str]:
    """The whole data set in memory: training part, then test part, where it has one."""
    below = json.dumps(rows.folder.removeprefix(data).strip("\\/") or ".", ensure_ascii=False)
    if rows.kind == "cifar":
        return [
            f"folder = (DATA / {below}).parent",
            "sets = [torchvision.datasets.CIFAR10(folder, train=train).data for train in (True, False)]",
            "PIXELS = np.concatenate(sets)",
            "",
        ]
    names = [
        pictures for pictures, _labels in data_sets.IDX_FILES.values() if data_sets.idx_file(rows.folder, pictures)
    ]
    return [
        "# " + _("Rows of the file are pictures: 16 bytes of header, then the size is known from it."),
        "def pixels(name):",
        f"    path = DATA / {below} / name",
        '    data = gzip.open(f"{path}.gz").read() if not path.exists() else path.read_bytes()',
        '    _, count, height, width = np.frombuffer(data, ">i4", 4)',
        "    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width)",
        "",
        "",
        f"PIXELS = np.concatenate([{', '.join(f'pixels({json.dumps(name)})' for name in names)}])",
        "",
    ]
