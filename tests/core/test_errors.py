from __future__ import annotations

import copy
import errno

import pytest

from vgg_studio.core import errors
from vgg_studio.core.events import Failure


def every_error(root: type[errors.StudioError] = errors.StudioError) -> list[type[errors.StudioError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in every_error(child))]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_that_each_error_says_a_whole_sentence_even_without_its_values(kind: type[errors.StudioError]) -> None:
    words = errors.describe(Failure(code=kind.__name__))
    assert words[0].isupper() or words.startswith("…")
    assert "{" not in words
    assert kind.sentence.endswith(".")


def test_that_the_tree_at_the_top_of_the_file_names_every_error() -> None:
    drawing = errors.__doc__ or ""
    missing = [kind.__name__ for kind in every_error() if kind.__name__ not in drawing]
    assert not missing


def test_that_the_sentence_and_the_remedy_are_told_with_their_values() -> None:
    text = str(errors.FolderMissing(path="/pictures/none"))
    assert text == "There is no folder /pictures/none. Check the name, or choose the folder again."


def test_that_the_copy_of_an_error_is_whole() -> None:
    refused = errors.PictureRefused("document", path="a.pdf", kind="PDF")
    there = copy.deepcopy(refused)  # as pickle does on the way to another process

    assert (type(there), str(there), there.reason) == (errors.PictureRefused, str(refused), "document")


def test_that_a_refused_picture_tells_its_reason_in_words() -> None:
    error = errors.PictureRefused("document", path="a.jpg", kind="PDF")
    assert str(error) == "a.jpg is a document (PDF), not a picture."


def test_that_braces_in_a_name_are_ordinary_text() -> None:
    assert "{0!r} {path}" in str(errors.FolderMissing(path="{0!r} {path}"))


def test_that_a_failure_of_a_newer_version_is_still_told() -> None:
    assert "FromTheFuture" in errors.describe(Failure(code="FromTheFuture", values={"x": 1}))


def test_that_a_full_disk_is_told_from_a_forbidden_folder() -> None:
    full = errors.from_os_error(OSError(errno.ENOSPC, "No space"), "run", 12)
    closed = errors.from_os_error(PermissionError(errno.EACCES, "Permission denied"), "run")
    assert isinstance(full, errors.DiskFull)
    assert "12 MB" in str(full)
    assert isinstance(closed, errors.NotWritable)


def test_that_what_is_allowed_is_said_in_words_where_it_is_more_than_values() -> None:
    failure = Failure(code="UsageError", values={"name": "weights", "value": "official", "allowed": "no_weights"})
    assert errors.describe(failure).endswith("Allowed: none, for slim networks and other than 3 channels.")
