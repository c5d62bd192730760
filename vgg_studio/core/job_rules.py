"""What every order has in common, and how its settings are checked."""

from __future__ import annotations

import msgspec

from vgg_studio.core.errors import UsageError


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="order"):
    """What every order has in common: nothing but its tag."""


def one_of(name: str, value: str | int, allowed: tuple[str | int, ...]) -> None:
    """Raise UsageError where the value is none of those allowed."""
    if value not in allowed:
        raise UsageError(name=name, value=str(value), allowed=", ".join(str(item) for item in allowed if item != ""))


def between(name: str, value: float, low: float, high: float) -> None:
    """Raise UsageError where the value is not in the range; not-a-number never is."""
    if not low <= value <= high:  # also refuses what is not a number
        raise UsageError(name=name, value=str(value), allowed=f"{low}..{high}")
