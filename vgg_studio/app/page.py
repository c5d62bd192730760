"""What the window asks of every page: a title, one sentence, one button, and to follow language and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from vgg_studio.app import theme

if TYPE_CHECKING:
    from vgg_studio.app.state import Studio


@dataclass(frozen=True)
class Primary:
    """The header's one button. `widest` holds every text that it can have on its page, so that its width never jumps."""

    text: str
    enabled: bool = True
    icon: str = ""
    widest: tuple[str, ...] = ()
    filled: bool = True  # plain for Cancel: the button that no one is meant to press next


class Page(QWidget):
    """One page of the window. Emits `header_changed` whenever `status` or `primary` would answer differently."""

    header_changed = Signal()
    key = ""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.studio = studio
        self.setObjectName(self.key)

    def title(self) -> str:
        """The page's name, in the rail and in the header."""
        raise NotImplementedError

    def status(self) -> str:
        """One whole sentence: what is there now."""
        raise NotImplementedError

    def primary(self) -> Primary | None:
        """What happens next, as a button; None where the page itself holds the filled button."""
        return None

    def activate_primary(self) -> None:
        """The header's button was pressed."""

    def cancel(self) -> bool:
        """Esc was pressed: stop what the page is doing. False when there was nothing to stop."""
        return False

    def rescan(self) -> None:
        """F5 was pressed: look again at what the page shows."""

    def dropped(self, paths: list[str]) -> bool:
        """Files or folders were dropped or pasted while this page was shown. False: the window opens a folder itself."""
        return False

    def set_drag_over(self, over: bool) -> None:
        """Something that can be dropped is dragged over the window, or has left it again."""

    def retranslate(self) -> None:
        """The language changed: set every text anew. Called once after construction too."""

    def retheme(self) -> None:
        """The colours changed: repaint what the style sheet does not reach. Called once after construction too."""

    def entered(self) -> None:
        """The page has just become the one that is shown."""

    def narrow(self) -> bool:
        """Whether the window is narrow: smaller margins, columns and rail."""
        return self.window().width() < theme.NARROW_BELOW

    def margin(self) -> int:
        """The page's margin in px: 24, or 16 in a narrow window."""
        return 16 if self.narrow() else 24
