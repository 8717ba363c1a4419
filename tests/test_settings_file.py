"""The settings as a file."""

import os
import stat
import sys

import pytest
import tomlkit

from app.core.errors import StoreUnwritable
from app.core.settings import SETTINGS, Settings
from app.storage.settings_file import SettingsFile, SettingsUnreadable


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "settings.toml"


@pytest.fixture
def file(path):
    path.parent.mkdir()
    return SettingsFile(path)


def copies(path):
    return sorted(p.name for p in path.parent.glob("*.bak-*"))


def test_without_a_file_all_is_usual(path):
    assert SettingsFile(path).load() == (Settings(), [])
    assert not path.parent.exists(), "reading makes nothing"


def test_what_is_saved_is_read_back(path):
    values = Settings()
    others = {"theme": "dark", "system_prompt": 'two\nlines "quoted" 火 \\', "temperature": 0.25, "seed": 7}
    others |= {"low_memory": True, "context_window": 4096, "models_folder": "C:\\models\\new"}
    for name, value in others.items():
        values = values.with_value(name, value)
    SettingsFile(path).save(values)
    assert SettingsFile(path).load() == (values, [])


def test_each_changed_value_stands_under_its_explanation(path):
    SettingsFile(path).save(Settings().with_value("theme", "dark"))
    lines = path.read_text(encoding="utf-8").splitlines()
    at = lines.index('theme = "dark"')
    assert lines[at - 1] == "# Theme: Light, dark, or whatever the desktop uses."
    assert "temperature" not in path.read_text(encoding="utf-8")


def test_an_unchanged_file_says_how_it_works(path):
    SettingsFile(path).save(Settings())
    assert path.read_text(encoding="utf-8").startswith("# Settings of Fireside.")


def test_what_people_wrote_survives_saving(file, path):
    path.write_text(
        '# mine\n[appearance]\ntheme = "dark"  # at night\n\n[future]\nmood = 3\n# the end\n',
        encoding="utf-8",
    )
    values, complaints = file.load()
    file.save(values.with_value("text_size", 120))
    text = path.read_text(encoding="utf-8")
    for kept in (
        "# mine",
        'theme = "dark"  # at night',
        "[future]\nmood = 3",
        "# the end",
        "text_size = 120",
    ):
        assert kept in text
    assert complaints == ["future.mood is not a setting this version knows."]
    assert copies(path) == [], "a newer version's setting is no reason for a copy"


def test_a_value_set_back_to_the_usual_one_is_written(file, path):
    path.write_text('[appearance]\ntheme = "dark"\n', encoding="utf-8")
    file.save(Settings())
    assert file.load() == (Settings(), [])


def test_one_bad_value_resets_that_one_and_keeps_a_copy(file, path):
    text = '[appearance]\ntheme = "dark"\n# large\ntext_size = 9999\n'
    path.write_text(text, encoding="utf-8")
    values, complaints = file.load()
    assert values == Settings().with_value("theme", "dark")
    assert copies(path) == ["settings.toml.bak-1"]
    assert path.with_name("settings.toml.bak-1").read_text(encoding="utf-8") == text
    assert "text_size must be at most 300" in complaints[0]
    assert "settings.toml.bak-1" in complaints[1]
    assert file.load() == (values, []), "it is told once"
    assert "# large" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("bad", ["sampling = 3", "sampling = [1]", "[[sampling]]\nx = 1"])
def test_a_page_that_is_no_table_is_reset(file, path, bad):
    path.write_text(bad, encoding="utf-8")
    values, complaints = file.load()
    assert values == Settings()
    assert complaints
    assert file.load() == (Settings(), [])
    file.save(Settings().with_value("seed", 1))
    assert file.load()[0].whole("seed") == 1


@pytest.mark.parametrize("raw", [b"= =", b"\xff\xfe\x00", b"[a", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_kept_and_a_new_one_begun(file, path, raw):
    path.write_bytes(raw)
    values, (complaint,) = file.load()
    assert values == Settings()
    assert path.with_name("settings.toml.bak-1").read_bytes() == raw
    assert "settings.toml.bak-1" in complaint
    assert file.load() == (Settings(), [])


def test_every_copy_has_its_own_name(file, path):
    for _ in range(2):
        path.write_text("= =", encoding="utf-8")
        file.load()
    assert copies(path) == ["settings.toml.bak-1", "settings.toml.bak-2"]


def test_an_editors_byte_order_mark_is_no_fault(file, path):
    path.write_bytes(b'\xef\xbb\xbf[appearance]\ntheme = "dark"\n')
    assert file.load() == (Settings().with_value("theme", "dark"), [])


@pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")
def test_the_file_and_its_copies_are_private(file, path):
    path.write_text("= =", encoding="utf-8")
    path.chmod(0o644)
    file.load()
    file.save(Settings().with_value("theme", "dark"))
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


def test_a_save_that_fails_leaves_the_file_whole(file, path, monkeypatch):
    file.save(Settings().with_value("theme", "dark"))
    before = path.read_bytes()

    def refuse(*_):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreUnwritable):
        file.save(Settings().with_value("theme", "light"))
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["settings.toml"]


def test_every_setting_can_be_saved_at_its_limits(file, path):
    values = Settings()
    for setting in SETTINGS:
        if setting.most is not None:
            values = values.with_value(setting.name, type(setting.default)(setting.most))
        elif setting.choices:
            values = values.with_value(setting.name, setting.choices[-1][0])
    file.save(values)
    assert file.load() == (values, [])
    assert tomlkit.parse(path.read_text(encoding="utf-8"))


def block(path, kind):
    if kind == "folder":
        path.mkdir()
    elif kind == "link in a circle":
        path.symlink_to(path)
    else:
        os.mkfifo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names there")
@pytest.mark.parametrize("kind", ["folder", "pipe", "link in a circle"])
@pytest.mark.parametrize("deed", [SettingsFile.load, lambda file: file.save(Settings())])
def test_what_is_no_file_is_told_as_unreadable_and_not_waited_for(file, path, kind, deed):
    block(path, kind)
    with pytest.raises(SettingsUnreadable, match=r"cannot be read \(") as refused:
        deed(file)
    assert "move it away" in refused.value.hint
    assert [p.name for p in path.parent.iterdir()] == ["settings.toml"]


@pytest.mark.parametrize("raw", ["a = " + "9" * 5000, "a = " + "[" * 100_000])
def test_toml_that_python_cannot_hold_is_kept_and_a_new_one_begun(file, path, raw):
    path.write_text(raw)
    assert file.load()[0] == Settings()
    assert copies(path) == ["settings.toml.bak-1"]
