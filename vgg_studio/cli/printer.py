"""Where a command's events go: as JSON lines to a program, or as text to a person (text_printer.py)."""

from __future__ import annotations

import contextlib
import os
import sys
from types import TracebackType
from typing import Protocol, Self

from vgg_studio.core import events as ev
from vgg_studio.core.errors import StudioError, UsageError
from vgg_studio.core.jobs import AnyJob


class Printer(Protocol):
    """Shows events while a command runs. Used as a context manager; raises BrokenPipeError when the reader is gone."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, job: AnyJob) -> None:
        """The next events belong to this order."""

    def show(self, event: ev.Event) -> None:
        """Show one event."""

    def say(self, sentence: str) -> None:
        """A sentence for a person; a program does not get it."""

    def let_go(self) -> None:
        """Put the terminal in order: the process ends at once."""


class SilentPrinter:
    """For a process that trains together with others and does not lead: the one that leads shows everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to put in order."""

    def begin(self, job: AnyJob) -> None:
        """Shown elsewhere."""

    def show(self, event: ev.Event) -> None:
        """Shown elsewhere."""

    def say(self, sentence: str) -> None:
        """Said elsewhere."""

    def let_go(self) -> None:
        """There is nothing to put in order."""


class JsonPrinter:
    """One event a line on standard output. Whatever else is printed, by a library too, goes to standard error."""

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self._stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # C libraries
        self._pythons = contextlib.redirect_stdout(sys.stderr)
        self._pythons.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StudioError) and not isinstance(error, UsageError):
            self.show(ev.JobEnded(outcome="failed", failure=error.fact()))  # an order that could not even be begun
        self._pythons.__exit__(kind, error, trace)
        os.dup2(self._stream.fileno(), 1)
        with contextlib.suppress(OSError):  # what a closed pipe did not take is still in the buffer
            self._stream.close()

    def begin(self, job: AnyJob) -> None:
        """Events tell a program enough."""

    def show(self, event: ev.Event) -> None:
        """Write the event's line and send it off at once."""
        self._stream.write(ev.to_line(event))
        self._stream.flush()

    def say(self, sentence: str) -> None:
        """A program wants no sentences."""

    def let_go(self) -> None:
        """A pipe needs no order."""
