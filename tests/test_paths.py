from __future__ import annotations

from pathlib import Path

import pytest

from vgg_studio import paths
from vgg_studio.core.errors import NotWritable


def test_that_a_home_that_cannot_be_written_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VGG_STUDIO_HOME", str(tmp_path / "file"))
    with pytest.raises(NotWritable, match="file"):
        paths.runs_folder()


def test_that_all_folders_of_the_user_lie_below_the_home_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGG_STUDIO_HOME", str(tmp_path))
    made = [
        paths.runs_folder(),
        paths.cache_folder(),
        paths.weights_folder(),
        paths.log_folder(),
        paths.settings_file().parent,
    ]
    assert all(folder.is_dir() and folder.parent == tmp_path for folder in made)
    assert not paths.samples_folder().exists()
