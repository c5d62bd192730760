"""From an engine's bytes to events for the window: lines, decoding, and one event for what only the newest of counts."""

from __future__ import annotations

import itertools
import logging

import msgspec

from vgg_studio.core import events as ev

log = logging.getLogger(__name__)

LONGEST_LINE = 8 << 20  # bytes: the matrix of mistakes of 1,000 classes takes 2 MB
_BATCH = b'{"type":"batch_ended"'
Stamped = tuple[str, ev.Event]  # the order's id and one of its events


class EventStream:
    """Feed it bytes as they come, take events from it whenever the window is ready for some."""

    def __init__(self) -> None:
        self._rest = b""
        self._waiting: list[Stamped] = []
        self._newest: dict[str, int] = {}  # order -> where its last replaceable event waits

    def feed(self, data: bytes) -> None:
        """Take in bytes of the pipe. A line that is no event is logged and left out; everything else keeps its order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            log.warning("an engine sent a line of more than %d bytes; it was left out", LONGEST_LINE)
            self._rest = b""
        for line, following in itertools.zip_longest(lines, lines[1:], fillvalue=b""):
            # Of batch events in a row only the last would be shown: the others are not even decoded.
            if line and not (line.startswith(_BATCH) and following.startswith(_BATCH)):
                self._take_line(line)

    def add(self, order: str, event: ev.Event) -> None:
        """Append an event that did not come through the pipe, such as the end of an order whose engine died."""
        replaceable = isinstance(event, ev.BatchEnded | ev.PhaseProgress)
        place = self._newest.get(order)
        if replaceable and place is not None and type(self._waiting[place][1]) is type(event):
            self._waiting[place] = (order, event)
            return
        if replaceable:
            self._newest[order] = len(self._waiting)
        else:
            self._newest.pop(order, None)
        self._waiting.append((order, event))

    def take(self, most: int) -> list[Stamped]:
        """The oldest events that wait, at most so many."""
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        self._newest = {order: place - most for order, place in self._newest.items() if place >= most}
        return taken

    def since(self, place: int) -> list[Stamped]:
        """The events that wait from this place on."""
        return self._waiting[place:]

    def __len__(self) -> int:
        return len(self._waiting)

    def _take_line(self, line: bytes) -> None:
        try:
            event = ev.from_line(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("an engine sent a line that is no event (%s): %r", error, line[:200])
            return
        self.add(event.job if isinstance(event.job, str) else "", event)
