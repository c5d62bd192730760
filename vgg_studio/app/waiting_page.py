"""What stands in a page's place for the moment until it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vgg_studio.app.page import Page
from vgg_studio.app.pages import TITLES
from vgg_studio.core.language import _

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


class WaitingPage(Page):
    """An empty page with a title: seen for some hundred milliseconds after the start, if at all."""

    key = "waiting"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._for = "data"

    def stands_for(self, key: str) -> None:
        """Carry the title of the page that is coming."""
        self._for = key

    def title(self) -> str:
        return _(TITLES[self._for])

    def status(self) -> str:
        return _("Getting ready…")
