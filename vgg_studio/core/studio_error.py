"""What every error has in common: a code, values, and the words that readers make of them. The errors stand in errors.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vgg_studio.core.events import Failure
from vgg_studio.core.language import N_, _, joined
from vgg_studio.core.reasons import DETAILS, describe_reason, fill


class StudioError(Exception):
    """Anything that ends an order with a sentence. `values` fill the placeholders of `sentence` and `remedy`."""

    sentence: ClassVar[str] = N_("Something went wrong.")
    remedy: ClassVar[str] = ""

    def __init__(self, **values: str | int | float) -> None:
        super().__init__()
        self.values: dict[str, str | int | float] = values

    @classmethod
    def code(cls) -> str:
        """The name under which the error travels in events: the class's own name."""
        return cls.__name__

    def fact(self) -> Failure:
        """The error as a fact for an event: code and values, no words."""
        return Failure(code=self.code(), values=self.values)

    def __str__(self) -> str:
        return describe(self.fact())

    def __reduce__(self) -> tuple[Callable[..., StudioError], tuple[type[StudioError]], dict[str, object]]:
        """For the way to another process that trains together with this one."""
        return _blank, (type(self),), self.__dict__


def _blank(kind: type[StudioError]) -> StudioError:
    return kind.__new__(kind)


def _tree(root: type[StudioError]) -> dict[str, type[StudioError]]:
    found = {root.code(): root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def describe(failure: Failure) -> str:
    """The sentence and the remedy of a failure in the reader's language; an unknown code gives its values as they are."""
    return joined(*sentence_and_remedy(failure))


def sentence_and_remedy(failure: Failure) -> tuple[str, str]:
    """What happened and what to do, each by itself; the remedy may be empty."""
    kind = _tree(StudioError).get(failure.code)
    values = dict(failure.values)
    if kind is None:
        return _("Something went wrong: {detail}.").format(detail=failure.code), ""
    if "reason" in values:
        values["words"] = describe_reason(str(values["reason"]), values)
    for name in ("detail", "allowed"):
        if (words := str(values.get(name, ""))) in DETAILS:
            values[name] = fill(_(DETAILS[words]), values)
    return fill(_(kind.sentence), values), fill(_(kind.remedy), values) if kind.remedy else ""
