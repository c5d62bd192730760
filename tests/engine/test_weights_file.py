"""Files that strangers made: nothing in them runs, nothing they claim is believed."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from vgg_studio.core.errors import WeightsMissing, WeightsUnreadable, WeightsUnsafe, describe
from vgg_studio.engine.pickle_census import BadPickle
from vgg_studio.engine.weights import read_file


class _Intruder:
    """Unpickled without care, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.folder,)


def _detail(path: Path) -> str:
    with pytest.raises(WeightsUnreadable) as caught:
        read_file(path)
    assert str(path) in describe(caught.value.fact())
    return str(caught.value.values["detail"])


def _detail_before_loading(path: Path) -> str:
    """As above, and torch was not even asked to read the file."""
    with pytest.raises(WeightsUnreadable) as caught:
        read_file(path)
    assert isinstance(caught.value.__cause__, BadPickle)
    return str(caught.value.values["detail"])


def _file(tmp_path: Path, data: bytes, name: str = "weights.pth") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


# --- what is no file of weights


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "web_page"),
        (b"\xef\xbb\xbf\n  <HTML>", "web_page"),
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "pointer"),
        (b"hello, I am no weights at all", "other_kind"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "other_kind"),
        (b"import os\nprint(1)\n", "other_kind"),
        (b"c\n", "other_kind"),
    ],
)
def test_that_something_else_named_like_weights_is_told_for_what_it_is(
    tmp_path: Path, data: bytes, detail: str
) -> None:
    assert _detail(_file(tmp_path, data)) == detail


def test_that_a_web_page_is_told_in_plain_words(tmp_path: Path) -> None:
    path = _file(tmp_path, b"<html>")
    with pytest.raises(WeightsUnreadable) as caught:
        read_file(path)
    assert describe(caught.value.fact()).startswith(f"{path} is not a file of weights: it is a web page.")


def test_that_a_missing_file_a_folder_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        read_file(tmp_path / "nothing.pth")
    assert _detail(tmp_path) == "not_a_file"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.pth")
        assert _detail(tmp_path / "pipe.pth") == "not_a_file"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind this user")
def test_that_a_file_which_may_not_be_read_is_told_so(tmp_path: Path) -> None:
    path = _file(tmp_path, b"x")
    path.chmod(0)
    assert _detail(path) == "not_allowed"


def test_that_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "letter.pth", "w") as archive:
        archive.writestr("word/document.xml", "hello")
    assert _detail(tmp_path / "letter.pth") == "other_kind"


def test_that_plain_values_without_tensors_are_refused(tmp_path: Path) -> None:
    torch.save([1, 2, 3], tmp_path / "list.pth")
    assert _detail(tmp_path / "list.pth") == "not_vgg"
    assert _detail(_file(tmp_path, pickle.dumps({"a": [1.0, 2.0]}))) == "other_kind"


# --- what would run


def _by_torch(value: object, path: Path) -> None:
    torch.save({"features.0.weight": value}, path)


def _by_old_torch(value: object, path: Path) -> None:
    torch.save({"features.0.weight": value}, path, _use_new_zipfile_serialization=False)


def _by_pickle(protocol: int) -> Callable[[object, Path], None]:
    def write(value: object, path: Path) -> None:
        path.write_bytes(pickle.dumps({"features.0.weight": value}, protocol))

    return write


@pytest.mark.parametrize("write", [_by_torch, _by_old_torch, *map(_by_pickle, range(pickle.HIGHEST_PROTOCOL + 1))])
def test_that_a_file_which_would_run_code_is_refused_without_running_it(
    tmp_path: Path, write: Callable[[object, Path], None]
) -> None:
    write(_Intruder(tmp_path / "intruder"), tmp_path / "weights.pth")
    with pytest.raises(WeightsUnsafe) as caught:
        read_file(tmp_path / "weights.pth")
    assert not (tmp_path / "intruder").exists()
    assert caught.value.values["detail"] == f"{os.name}.mkdir"


def test_that_a_whole_pickled_network_is_refused_naming_its_class(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "network.pth")
    with pytest.raises(WeightsUnsafe) as caught:
        read_file(tmp_path / "network.pth")
    assert caught.value.values["detail"] == "torch.nn.modules.linear.Linear"


def test_that_a_compiled_program_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "program.pt", "w") as archive:
        archive.writestr("program/code/__torch__.py", "")
        archive.writestr("program/data.pkl", b"")
    with pytest.raises(WeightsUnsafe):
        read_file(tmp_path / "program.pt")


# --- what claims more than it has


def _rezipped(path: Path, change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """The archive again, with changed members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, change(name, data))
    return path


def _numbers(path: Path, count: int = 1000) -> Path:
    torch.save({"features.0.weight": torch.zeros(count)}, path)
    return path


def test_that_a_packed_archive_is_refused_before_it_grows(tmp_path: Path) -> None:
    path = _rezipped(_numbers(tmp_path / "bomb.pth", 5_000_000), lambda _, data: data, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    assert _detail_before_loading(path) == "too_large_inside"


def test_that_a_block_larger_than_what_lies_in_the_archive_is_refused(tmp_path: Path) -> None:
    count = struct.pack("<H", 1000)
    path = _rezipped(_numbers(tmp_path / "bomb.pth"), lambda _, data: data.replace(b"M" + count, b"J\x00\x00\x00\x7f"))
    assert _detail_before_loading(path) == "too_large_inside"


def test_that_an_old_file_which_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    torch.save({"features.0.weight": torch.zeros(1000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"M" + struct.pack("<H", 1000), b"J\x00\x00\x00\x7f"))
    assert _detail_before_loading(path) == "damaged"


def test_that_a_pickle_which_asks_for_a_huge_table_is_refused(tmp_path: Path) -> None:
    bomb = b"\x80\x02" + b"K\x01r" + struct.pack("<I", 2**31) + b"."
    path = _rezipped(_numbers(tmp_path / "bomb.pth"), lambda name, data: bomb if name.endswith("data.pkl") else data)
    assert _detail_before_loading(path) == "other_kind"


def test_that_copies_of_copies_are_refused(tmp_path: Path) -> None:
    pairs = b"](" + b"X\x01\x00\x00\x00aK\x01\x86" * 5000 + b"eq\x02"
    copies = b"(" + b"ccollections\nOrderedDict\nh\x02\x85R" * 5000 + b"t"
    bomb = b"\x80\x02" + pairs + copies + b"."
    path = _rezipped(_numbers(tmp_path / "bomb.pth"), lambda name, data: bomb if name.endswith("data.pkl") else data)
    assert _detail_before_loading(path) == "damaged"


def test_that_more_than_500_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({f"features.{index}.weight": torch.ones(1) for index in range(501)}, tmp_path / "many.pth")
    assert _detail(tmp_path / "many.pth") == "too_large_inside"


# --- safetensors


def _safetensors(header: object, body: bytes = b"", length: int = -1) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length < 0 else length).to_bytes(8, "little") + text + body


def _entry(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (_safetensors({"a": _entry(0, 8, [2])}, b"1234"), "damaged"),  # too short
        (_safetensors({"a": _entry(0, 8, [2])}, b"1234567890"), "damaged"),  # too long
        (_safetensors({"a": _entry(0, 8, [2]), "b": _entry(4, 12, [2])}, bytes(12)), "damaged"),  # overlapping
        (_safetensors({"a": _entry(0, 8, [2]), "b": _entry(4, 12, [2])}, bytes(16)), "damaged"),  # and as many as all
        (_safetensors({"a": _entry(0, 8, [2]), "b": _entry(12, 20, [2])}, bytes(20)), "damaged"),  # a gap
        (_safetensors({"a": _entry(0, 4, [2]), "b": _entry(4, 12, [1])}, bytes(12)), "damaged"),  # sizes that make up
        (_safetensors({"a": _entry(0, 8, [3])}, bytes(8)), "damaged"),  # another size than the shape's
        (_safetensors({"a": _entry(0, 8, [-1, -2])}, bytes(8)), "damaged"),
        (_safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' * 2, bytes(8)), "damaged"),
        (_safetensors({"a": _entry(0, 8, [1], "I32")}, bytes(8)), "odd_numbers"),
        (_safetensors({"a": _entry(0, 8, [2])}, bytes(8), length=1 << 30), "too_large_inside"),
        (_safetensors(b"{" + b" " * (1 << 20) + b"}"), "too_large_inside"),
        (_safetensors({f"t{index}": _entry(0, 0, [0]) for index in range(501)}), "too_large_inside"),
        (_safetensors(b"{" + b'"a":' * 5000), "damaged"),
    ],
)
def test_that_a_header_which_does_not_add_up_is_refused(tmp_path: Path, data: bytes, detail: str) -> None:
    assert _detail(_file(tmp_path, data, "a.safetensors")) == detail


def test_that_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    one, two = (f'"a":{json.dumps(_entry(start, start + 8, [2]))}' for start in (0, 8))
    assert _detail(_file(tmp_path, _safetensors(f"{{{one},{two}}}".encode(), bytes(16)), "a.safetensors")) == "damaged"


def test_that_what_is_read_from_safetensors_is_what_safetensors_reads(tmp_path: Path) -> None:
    from safetensors.torch import load, save

    data = save({"a": torch.arange(6.0).view(2, 3), "b": torch.ones(()), "c": torch.empty(0)}, {"note": "x"})
    found, wanted = read_file(_file(tmp_path, data, "a.safetensors")), load(data)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    assert io.BytesIO(data).read(8) == data[:8]
