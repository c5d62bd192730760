"""The dialogs that the Train page opens: what the chosen network is made of, and what training sees of the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject

from vgg_studio.app.inside_dialog import InsideDialog
from vgg_studio.app.preview_dialog import PreviewDialog

if TYPE_CHECKING:
    from vgg_studio.app.train_page import TrainPage


class TrainDialogs(QObject):
    """Belongs to the page, whose settings it shows."""

    def __init__(self, page: TrainPage) -> None:
        super().__init__(page)
        self._page = page
        page.form.settings.inside_wanted.connect(self.look_inside)
        page.form.pictures.preview_wanted.connect(self.preview)

    def look_inside(self) -> None:
        """Show what the network is made of that the settings describe."""
        page = self._page
        InsideDialog(page.form.job, page.form.classes, page.studio.engines, page).open()

    def preview(self) -> None:
        """Show pictures of the open folder as training will see them; another variation may be chosen there."""
        page = self._page
        page.form.take_typed()
        dialog = PreviewDialog(page.studio, page.job(), page.state.locked, page)
        dialog.chosen.connect(self._variation_chosen)
        dialog.open()

    def _variation_chosen(self, variation: str) -> None:
        form = self._page.form
        form.edited.emit(msgspec.structs.replace(form.job, variation=variation))
