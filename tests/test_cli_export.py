import json
import os

import pytest
from cli_bench import Bench


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "home")
    bench.add_model()
    bench.run("chat", typed="Trains in Japan\n/new\nTrains in Italy\n")
    return bench


def test_a_chat_is_found_by_a_part_of_its_title(bench):
    assert bench.run("export", "japan") == 0
    assert bench.out.startswith("# Trains in Japan\n")
    assert "It was a dark and stormy night." in bench.out


@pytest.mark.parametrize("wanted", ["1", "#1"])
def test_a_chat_is_found_by_its_number(bench, wanted):
    assert bench.run("export", wanted, "--format", "json") == 0
    assert json.loads(bench.out)["conversation"]["id"] == 1


def test_an_ambiguous_title_is_wrong_usage_and_lists_them(bench):
    assert bench.run("export", "trains") == 2
    assert "1  Trains in Japan" in bench.err
    assert "2  Trains in Italy" in bench.err


def test_an_unknown_chat_is_status_1(bench):
    assert bench.run("export", "boats") == 1
    assert "boats" in bench.err


def test_json_has_all_branches(bench):
    bench.run("chat", "--resume", "japan", typed="/retry\n")
    bench.run("export", "japan", "--format", "json")
    assert len(json.loads(bench.out)["messages"]) == 3


def test_a_file_is_written_whole(bench, tmp_path):
    assert bench.run("export", "japan", "-o", tmp_path / "a.md") == 0
    assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("# Trains in Japan")
    assert bench.out == ""


def test_a_file_that_is_there_is_replaced_only_with_force(bench, tmp_path):
    (tmp_path / "a.md").write_text("mine")
    assert bench.run("export", "japan", "-o", tmp_path / "a.md") == 1
    assert (tmp_path / "a.md").read_text() == "mine"
    assert bench.run("export", "japan", "-o", tmp_path / "a.md", "--force") == 0
    assert (tmp_path / "a.md").read_text() != "mine"


def test_a_folder_that_is_not_there_is_status_1(bench, tmp_path):
    assert bench.run("export", "japan", "-o", tmp_path / "gone" / "a.md") == 1
    assert "could not be written" in bench.err


@pytest.mark.parametrize("name", ["x" * 300, "file/x.md", "none/x.md"])
def test_a_place_that_cannot_be_is_told(bench, tmp_path, name):
    (tmp_path / "file").write_text("")
    assert bench.run("export", "1", "-o", tmp_path / name) == 1
    assert "could not be written (" in bench.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
def test_what_is_no_file_is_never_replaced(bench, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert bench.run("export", "1", "--force", "-o", tmp_path / "pipe") == 1
    assert bench.err == f"{tmp_path / 'pipe'} is no file.\nChoose another name.\n"


def test_a_link_is_written_through(bench, tmp_path):
    (tmp_path / "real.md").write_text("before")
    (tmp_path / "link.md").symlink_to("real.md")
    assert bench.run("export", "1", "--force", "-o", tmp_path / "link.md") == 0
    assert (tmp_path / "link.md").is_symlink()
    assert "before" not in (tmp_path / "real.md").read_text(encoding="utf-8")


def test_the_longest_name_a_disk_takes_will_do(bench, tmp_path):
    path = tmp_path / ("x" * 252 + ".md")
    assert bench.run("export", "1", "-o", path) == 0
    assert path.is_file()
