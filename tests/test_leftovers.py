"""Unfinished copies of a program that was killed."""

import os
import subprocess
import sys
import time

import pytest
import small_models

from app.core.jobs import CancelToken
from app.library import leftovers
from app.library.adding import copy_model
from app.library.shelf import Shelf

HOUR = 3600.0
HOLDER = (
    "import sys; from app.library import leftovers; f = open(sys.argv[1], 'r+b'); leftovers.hold(f.fileno());"
)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "models"
    path.mkdir()
    return path


def leave(folder, name=".big.gguf.0123abcd.copying", age=HOUR):
    path = folder / name
    path.write_bytes(b"GGUF")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_a_scan_takes_an_old_copy_away(folder):
    left = leave(folder)
    Shelf().scan(folder, [], lambda _: None, CancelToken())
    assert not left.exists()


def test_the_next_copy_takes_an_old_one_away(folder, tmp_path):
    left = leave(folder)
    copy_model(Shelf(), small_models.reciter(tmp_path / "a.gguf"), folder, lambda _: None, CancelToken())
    assert [path.name for path in folder.iterdir()] == ["a.gguf"]
    assert not left.exists()


def test_a_clock_that_went_back_keeps_no_copy_for_ever(folder):
    left = leave(folder, age=-HOUR)
    leftovers.sweep(folder)
    assert not left.exists()


@pytest.mark.parametrize(
    "name",
    ["big.gguf.0123abcd.copying", ".big.gguf.copying", ".big.gguf.0123abcd.copying.gguf", "model.gguf", ".x"],
)
def test_files_of_other_names_stay(folder, name):
    stays = leave(folder, name)
    leftovers.sweep(folder)
    assert stays.exists()


def test_a_young_one_stays(folder):
    stays = leave(folder, age=0)
    leftovers.sweep(folder)
    assert stays.exists()


def test_a_link_of_that_name_and_what_it_leads_to_stay(folder, tmp_path):
    stays = leave(tmp_path, "precious.txt")
    (folder / ".a.gguf.0123abcd.copying").symlink_to(stays)
    leftovers.sweep(folder)
    assert stays.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there the system keeps open files")
def test_a_copy_another_process_is_at_work_on_stays_until_that_is_killed(folder):
    path = leave(folder)
    code = HOLDER + "print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        leftovers.sweep(folder)
        assert path.exists()
        holder.kill()
        holder.wait()
    leftovers.sweep(folder)
    assert not path.exists()


def test_a_copy_in_the_making_is_held(folder, tmp_path):
    def sweep(_progress):
        for path in folder.glob(".*.copying"):
            os.utime(path, (time.time() - HOUR, time.time() - HOUR))
        leftovers.sweep(folder)

    placed = copy_model(Shelf(), small_models.reciter(tmp_path / "a.gguf"), folder, sweep, CancelToken())
    assert placed.is_file()
