"""What an exported network consists of before it is written: its files with their sizes, and the code that uses them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from PySide6.QtCore import QTimer
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from vgg_studio.app import theme
from vgg_studio.app.widgets import Card, Label, LinkButton, PlainButton, row
from vgg_studio.core import vgg, wording
from vgg_studio.core.errors import StudioError
from vgg_studio.core.language import _, ngettext
from vgg_studio.core.loading_code import loading_code
from vgg_studio.core.preprocessing import Preprocessing, from_json
from vgg_studio.core.run_folder import CLASSES, PREPROCESSING, RunFolder

BYTES_A_NUMBER = 4  # float32
COPIED_MS = 2_000


class SharedFile(NamedTuple):
    """A file that will be written, and what is in it."""

    name: str
    contents: str


def shape_of(run: RunFolder) -> vgg.Shape:
    """The network's shape as its manifest tells it."""
    job = run.manifest.job
    return vgg.Shape(
        vgg.own(job.variant, job.blocks),
        classes=max(1, len(run.manifest.classes)),
        channels=job.channels,
        width_divisor=job.width_divisor,
        slim_linear=job.slim_linear,
    )


def preprocessing_of(run: RunFolder) -> Preprocessing:
    """The run's transform; what the job asked for where the file cannot be read."""
    try:
        return from_json(run.file(PREPROCESSING).read_bytes())
    except (OSError, msgspec.DecodeError, StudioError):
        job = run.manifest.job
        return Preprocessing(image_size=job.image_size, resize=job.resize, channels=job.channels)


def megabytes(run: RunFolder) -> int:
    """The size of the network's file in millions of bytes, rounded up to 1."""
    return max(1, round(vgg.parameters(shape_of(run)) * BYTES_A_NUMBER / 1e6))


def default_name(run: RunFolder) -> str:
    """The file name that is proposed."""
    return f"{run.path.name}.pth"


def shared_files(run: RunFolder) -> list[SharedFile]:
    """The three files that are written."""
    size = _("the network, {size} MB").format(size=wording.number(megabytes(run)))
    count = len(run.manifest.classes)
    names = ngettext("the name of its {count} class", "the names of its {count} classes", count).format(count=count)
    return [
        SharedFile(default_name(run), size),
        SharedFile(CLASSES, names),
        SharedFile(
            PREPROCESSING, _("how a picture becomes numbers: {words}").format(words=_scaling(preprocessing_of(run)))
        ),
    ]


def code_for(run: RunFolder, file: str = "") -> str:
    """The lines of Python that use the exported file."""
    return loading_code(shape_of(run), preprocessing_of(run), file or default_name(run))


def _scaling(prep: Preprocessing) -> str:
    if prep.resize == "square":
        return _("scaled to {side} x {side} px, nothing cut away").format(side=prep.image_size)
    return _("shorter side {short} px, then the {side} x {side} px in the middle").format(
        short=prep.shorter_side, side=prep.image_size
    )


class CodeBox(QPlainTextEdit):
    """Plain text in a font of even width; cannot be changed, lines are not broken."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        found: QFont = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        found.setPixelSize(theme.ROLES["body"][0])
        self.setFont(found)


class CodeCard(Card):
    """Code with its heading, a sentence about it, and a button that copies it."""

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self.heading, self.about = Label("", "strong"), Label("", tone="muted", wrap=True)
        self.code, self.copy_button = CodeBox(), PlainButton("", "copy")
        self.script, self.script_about = LinkButton(), Label("", tone="muted", wrap=True)
        self._back = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._back.timeout.connect(self.retranslate)
        self.copy_button.clicked.connect(self._copy)
        head = row(self.heading, None, self.copy_button)
        self.box.addLayout(head)
        self.box.addWidget(self.about)
        self.box.addWidget(self.code, 1)
        foot = row(self.script_about, self.script, spacing=16)
        foot.setStretch(0, 1)
        self.box.addLayout(foot)

    def show_code(self, code: str) -> None:
        """Show other code."""
        if code != self.code.toPlainText():
            self.code.setPlainText(code)

    def retranslate(self) -> None:
        """Set every text anew."""
        self.heading.setText(_("Use it in another program"))
        self.about.setText(_("The network is a plain torchvision file. These lines name a picture with it:"))
        self.code.setAccessibleName(_("Code that uses the saved network"))
        self.script.setText(_("Show me the code…"))
        self.script_about.setText(_("The whole training as a short torch script that starts from the same weights."))
        words = (_("Copy"), _("Copied"))
        self.copy_button.setFixedWidth(self.copy_button.width_for(words, with_icon=True))
        self.copy_button.setText(words[0])
        self.copy_button.set_icon("copy")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.code.toPlainText())
        self.copy_button.setText(_("Copied"))
        self.copy_button.set_icon("check")
        self._back.start()
