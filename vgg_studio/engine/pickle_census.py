"""What a pickled file of weights claims to hold, counted before torch reads it.

`torch.load(weights_only=True)` runs no code, but it believes sizes: a file of some hundred bytes can ask for ten gigabytes.
So the pickle is first read with stand-ins for everything it names; what they are asked for is compared with what is there.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

HEAD_LIMIT = 4 << 20  # bytes of pickle; a VGG-19-BN with optimizer state has some 100 kB
_MOST_STEPS = 100_000
_MOST_PAIRS = 20_000
# What torch's own weights-only reader knows; everything that builds objects in other ways is left out.
_STEPS = {
    "PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "NEWOBJ", "APPEND", "APPENDS", "SETITEM", "SETITEMS",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NONE", "NEWFALSE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT",
    "EMPTY_SET", "BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "BINPERSID", "BINGET",
    "LONG_BINGET", "BINPUT", "LONG_BINPUT", "LONG1",
}  # fmt: skip
_NAMING = frozenset({"GLOBAL", "INST", "STACK_GLOBAL"})  # ask for "module name", the last one by two words before it
_TABLE_WRITES = {"BINPUT", "LONG_BINPUT", "PUT"}
_A_NAME = re.compile(r"\w[\w.]* \w[\w.]*")
_ITEM_SIZES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexDouble": 16, "ComplexFloat": 8, "Untyped": 1,
}  # fmt: skip
_STORAGES = {f"{home} {kind}Storage" for home in ("torch", "torch.storage") for kind in _ITEM_SIZES}
_HARMLESS = _STORAGES | {
    "collections OrderedDict", "collections Counter",
    "torch Size",
    "torch device",
    "torch float16", "torch bfloat16", "torch float32", "torch float64", "torch int64",
    "torch.nn.parameter Parameter",
    "torch.serialization _get_layout",
    "torch._utils _rebuild_tensor", "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state",
    "torch._utils _rebuild_sparse_tensor",
    "torch._utils _rebuild_qtensor",
}  # fmt: skip
_BROKEN = (
    pickle.UnpicklingError, EOFError, AttributeError, LookupError, TypeError, ValueError, OverflowError, MemoryError,
    RecursionError,
)  # fmt: skip


class UnsafePickle(Exception):  # noqa: N818 - a finding about the file, told onwards as WeightsUnsafe
    """The pickle asks for something that is no tensor; its name is the argument."""


class BadPickle(Exception):  # noqa: N818 - as above
    """The pickle cannot be read; the argument is a key of DETAILS."""


@dataclass(frozen=True, slots=True)
class _StandIn:
    """What anything that is built turns into: it keeps nothing and can do nothing."""


def claims(head: bytes, start: int = 0) -> tuple[dict[str, int], object, int]:
    """What the pickle at `start` claims to lie beside it (bytes by key), its value with stand-ins, and where it ends.

    Raises UnsafePickle, BadPickle.
    """
    end = _check_steps(head, start)
    reader = _Census(head[start:end])
    try:
        value = reader.load()
    except _BROKEN as error:
        raise BadPickle("damaged") from error
    return reader.claims, value, end


def _check_steps(head: bytes, start: int) -> int:
    """Look at each step without taking it; the position behind the last one."""
    stream = io.BytesIO(head)
    stream.seek(start)
    words: list[str] = []
    odd = False
    try:
        for count, (step, argument, _) in enumerate(pickletools.genops(stream)):
            if isinstance(argument, str) and step.name not in _NAMING:
                words = [*words[-1:], argument]
            _refuse_name(" ".join(words) if step.name == "STACK_GLOBAL" else str(argument), step.name)
            odd = odd or step.name not in _STEPS or count > _MOST_STEPS
            odd = odd or (step.name in _TABLE_WRITES and not _fits(argument, len(head)))
    except ValueError as error:  # genops' answer to anything that is no pickle or ends too early
        raise BadPickle("damaged" if head[start : start + 1] == b"\x80" else "other_kind") from error
    if odd:
        raise BadPickle("other_kind")
    return stream.tell()


def _fits(index: object, size: int) -> bool:
    """Whether a place in the unpickler's table is one that a pickle of that size can need: the whole table is made at once."""
    return isinstance(index, int) and index <= size


def _refuse_name(name: str, step: str) -> None:
    if (
        step in _NAMING and name not in _HARMLESS and _A_NAME.fullmatch(name)
    ):  # else a text that happens to start like a pickle
        raise UnsafePickle(name.replace(" ", "."))


class _Census(pickle.Unpickler):
    """Unpickles with stand-ins, so that nothing of the file comes to life."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.claims: dict[str, int] = {}
        self._pairs = 0

    def find_class(self, module: str, name: str) -> Callable[..., object] | str:
        full = f"{module} {name}"
        if full in _STORAGES:
            return name
        if full not in _HARMLESS:
            raise UnsafePickle(full.replace(" ", "."))
        return self._mapping if module == "collections" else _nothing

    def persistent_load(self, claimed: object) -> object:
        match claimed:
            case ("storage", str(kind), str(key), str(), int(count), *_) if count >= 0:
                nbytes = count * _ITEM_SIZES[kind.removesuffix("Storage")]
                if self.claims.setdefault(key, nbytes) != nbytes:
                    raise pickle.UnpicklingError
                return _StandIn()
        raise pickle.UnpicklingError

    def _mapping(self, pairs: Collection[tuple[str, object]] = ()) -> dict[str, object]:
        self._pairs += len(pairs)
        if self._pairs > _MOST_PAIRS:  # a few bytes can ask for a copy of all that was read so far
            raise pickle.UnpicklingError
        return _Mapping(pairs)


class _Mapping(dict[str, object]):
    """A dict that takes attributes, as OrderedDict does: state dicts carry `_metadata`."""


def _nothing(*_: object) -> _StandIn:
    return _StandIn()
