"""Language, colours, where things lie, what this is. Every choice holds at once; there is nothing to save."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from vgg_studio import __version__, paths
from vgg_studio.app import diagnostics
from vgg_studio.app.fields import Choice
from vgg_studio.app.page import Page
from vgg_studio.app.widgets import Card, Elided, Label, LinkButton, PlainButton, column, row
from vgg_studio.core.language import LANGUAGES, N_, _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio

COLUMN = 720
FIELD = 240
LICENCES = {  # distribution: licence, as each states it
    "PySide6-Essentials": "LGPL-3.0",
    "torch": "BSD-3-Clause",
    "torchvision": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "pillow": "MIT-CMU",
    "scikit-learn": "BSD-3-Clause",
    "safetensors": "Apache-2.0",
    "pyqtgraph": "MIT",
    "msgspec": "BSD-3-Clause",
    "platformdirs": "MIT",
    "typer": "MIT",
    "rich": "MIT",
}
SCHEMES = {"system": N_("Like the system"), "light": N_("Light"), "dark": N_("Dark")}


class LookCard(Card):
    """Language and colours."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.name, _hint = self.add_title()
        self.language_label, self.language = Label(tone="muted"), Choice()
        self.scheme_label, self.scheme = Label(tone="muted"), Choice()
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(16)
        for place, (label, field) in enumerate(
            ((self.language_label, self.language), (self.scheme_label, self.scheme))
        ):
            field.setFixedWidth(FIELD)
            label.setBuddy(field)
            grid.addWidget(label, place, 0)
            grid.addWidget(field, place, 1, Qt.AlignmentFlag.AlignRight)
        self.box.addSpacing(8)
        self.box.addLayout(grid)
        self.language.activated.connect(self._choose_language)
        self.scheme.activated.connect(self._choose_scheme)

    def retranslate(self) -> None:
        """Set the words."""
        self.name.setText(_("Language and colours"))
        self.language_label.setText(_("Language"))
        self.scheme_label.setText(_("Colours"))
        self.language.setAccessibleName(_("Language"))
        self.scheme.setAccessibleName(_("Colours"))
        self.language.fill([(_("Like the system"), ""), *((name, code) for code, name in LANGUAGES.items())])
        self.language.choose(self._studio.settings.language)
        self.scheme.fill([(_(name), key) for key, name in SCHEMES.items()])
        self.scheme.choose(self._studio.settings.scheme)

    def _choose_language(self) -> None:
        self._studio.set_language(self.language.currentData())

    def _choose_scheme(self) -> None:
        self._studio.set_scheme(self.scheme.currentData())


class FoldersCard(Card):
    """Where runs, downloads and thumbnails lie, with a way there."""

    def __init__(self) -> None:
        super().__init__()
        self.name, _hint = self.add_title()
        self._folders = (
            (N_("Runs"), N_("what was learned; yours to keep, move and delete"), paths.runs_folder()),
            (N_("Downloaded weights"), N_("can be deleted, and is fetched again when needed"), paths.weights_folder()),
            (N_("Cache"), N_("small pictures and features; can be deleted at any time"), paths.cache_folder()),
            (N_("Log"), N_("what went wrong; it never leaves this computer by itself"), paths.log_folder()),
        )
        self._rows = [
            (Label(role="strong"), Label(tone="muted", wrap=True), Elided(tone="muted"), LinkButton())
            for _row in self._folders
        ]
        for (title, what, where, link), (_title, _what, folder) in zip(self._rows, self._folders, strict=True):
            link.clicked.connect(self._open)
            link.setProperty("folder", str(folder))
            self.box.addSpacing(8)
            first = row(title, where, link, spacing=16)
            first.setStretch(1, 1)
            self.box.addLayout(column(first, what, spacing=0))

    def retranslate(self) -> None:
        """Set the words."""
        self.name.setText(_("Folders"))
        for (title, what, where, link), (name, meaning, folder) in zip(self._rows, self._folders, strict=True):
            title.setText(_(name))
            what.setText(_(meaning))
            where.setText(diagnostics.without_home(str(folder)))
            link.setText(_("Open"))
            link.setAccessibleName(_("Open the folder: {name}").format(name=_(name)))

    def _open(self) -> None:
        folder = Path(self.sender().property("folder"))
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class AboutCard(Card):
    """Version, licences, and what helps when something goes wrong."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.name, self.version = self.add_title()
        self.promise, self.built = Label(wrap=True), Label(tone="muted", wrap=True)
        self.copy_button, self.what = PlainButton(icon="copy"), Label(tone="muted", wrap=True)
        self.copy_button.clicked.connect(self._copy)
        self.box.addWidget(self.promise)
        self.box.addWidget(self.built)
        self.box.addSpacing(8)
        beside = row(self.copy_button, self.what, spacing=16)
        beside.setStretch(1, 1)
        self.box.addLayout(beside)

    def retranslate(self) -> None:
        """Set the words."""
        self.name.setText("VGG Studio")
        self.version.setText(_("version {version}, MIT licence").format(version=__version__))
        self.promise.setText(
            _("Nothing is sent anywhere. Only official weights are fetched, and only when you choose them.")
        )
        self.built.setText(_("Built with {parts}.").format(parts=_parts()))
        self.copy_button.setText(_("Copy diagnostics"))
        self.what.setText(_("Versions, device and the last lines of the log, for a report of a problem."))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(diagnostics.report(self._studio.device))
        self._studio.message.emit(_("Copied. Read it before you pass it on."))


class SettingsPage(Page):
    """One column of three cards."""

    key = "settings"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.look, self.folders, self.about = LookCard(studio), FoldersCard(), AboutCard(studio)
        self._content = QWidget()
        self._content.setProperty("kind", "content")
        self._box = QVBoxLayout(self._content)
        self._box.setSpacing(16)
        for card in (self.look, self.folders, self.about):
            card.setMaximumWidth(COLUMN)
            self._box.addWidget(card)
        self._box.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._content)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        self.retranslate()

    def title(self) -> str:
        return _("Settings")

    def status(self) -> str:
        return _("Every choice holds at once.")

    def retranslate(self) -> None:
        for card in (self.look, self.folders, self.about):
            card.retranslate()
        self.header_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        margin = self.margin()
        self._box.setContentsMargins(margin, margin, margin, margin)


def _parts() -> str:
    """`PySide6-Essentials 6.11 (LGPL-3.0), ...`: what is installed, with its licence."""
    found = []
    for name, licence in LICENCES.items():
        try:
            found.append(f"{name} {metadata.version(name)} ({licence})")
        except metadata.PackageNotFoundError:
            found.append(f"{name} ({licence})")
    return ", ".join(found)
