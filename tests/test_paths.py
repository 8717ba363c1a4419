import os
import stat
import sys
from pathlib import Path

import pytest

from app.system.paths import FolderUnwritable, Places, places, prepare


def test_fireside_home_holds_everything(tmp_path):
    found = places({"FIRESIDE_HOME": str(tmp_path / "stick")})
    for path in (found.database, found.settings_file, found.cache, found.log_file, found.models):
        assert path.is_relative_to(tmp_path / "stick")


def test_a_relative_fireside_home_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places({"FIRESIDE_HOME": "here"}).data == tmp_path / "here" / "data"


def test_the_usual_places_are_the_users_own():
    found = places({})
    assert found.data.is_relative_to(Path.home()) or "XDG_DATA_HOME" in os.environ
    assert found.models.is_relative_to(found.data)


def test_asking_makes_nothing(tmp_path):
    places({"FIRESIDE_HOME": str(tmp_path / "x")})
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_folders_are_made_for_their_owner_alone(tmp_path):
    found = places({"FIRESIDE_HOME": str(tmp_path)})
    prepare(found)
    prepare(found)  # a second time is no error
    for folder in (found.data, found.config, found.cache, found.logs, found.models):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_told_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderUnwritable, match="cannot be written") as caught:
        prepare(places({"FIRESIDE_HOME": str(tmp_path / "file")}))
    assert "FIRESIDE_HOME" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o500)
    other = tmp_path / "other"
    with pytest.raises(FolderUnwritable):
        prepare(Places(data, other, other, other, other))


def test_the_home_of_a_user_that_is_not_there_is_a_name_like_any_other():
    assert places({"FIRESIDE_HOME": "~nobody-of-that-name/x"}).data.parts[-3:-1] == (
        "~nobody-of-that-name",
        "x",
    )
