import json

import pytest
import small_models
from cli_bench import Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "home")


@pytest.fixture
def outside(bench, tmp_path):
    """A model that is not in the models folder."""
    return bench.add_model("../../elsewhere/away.gguf").resolve()


def listed(bench):
    bench.run("models", "list", "--json")
    return json.loads(bench.out)


def test_an_empty_shelf_says_how_to_fill_it(bench):
    assert bench.run("models", "list") == 0
    assert bench.out == ""
    assert "fireside models add" in bench.err


def test_the_list_shows_models_and_problems(bench):
    path = bench.add_model()
    (bench.places.models / "bad.gguf").write_bytes(b"x" * 99)
    assert bench.run("models", "list") == 0
    assert str(path) in bench.out
    assert "bad.gguf cannot be used: it is not a GGUF file." in bench.out


def test_a_model_stays_in_place_when_added(bench, outside):
    assert bench.run("models", "add", outside) == 0
    assert [model["path"] for model in listed(bench)] == [str(outside)]


def test_a_model_can_be_copied(bench, outside):
    assert bench.run("models", "add", "--copy", outside) == 0
    assert (bench.places.models / "away.gguf").read_bytes() == outside.read_bytes()
    assert len(listed(bench)) == 1


def test_a_bad_file_does_not_keep_the_others_out(bench, outside, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"x" * 99)
    assert bench.run("models", "add", tmp_path / "bad.gguf", tmp_path / "gone.gguf", outside) == 1
    assert "bad.gguf cannot be used" in bench.err
    assert "There is no model file gone.gguf" in bench.err
    assert len(listed(bench)) == 1


def test_info_tells_what_the_header_says(bench):
    bench.add_model()
    assert bench.run("models", "info", "guide") == 0
    assert "Architecture:  llama" in bench.out
    assert bench.run("models", "info", "guide", "--json") == 0
    assert json.loads(bench.out)["memory_bytes"] > 0


def test_info_works_for_a_file_that_was_never_added(bench, outside):
    assert bench.run("models", "info", outside) == 0
    assert str(outside) in bench.out


def test_info_of_a_damaged_model_is_status_1(bench):
    bench.add_model()
    (bench.places.models / "bad.gguf").write_bytes(b"x" * 99)
    assert bench.run("models", "info", "bad") == 1


def test_removing_forgets_and_leaves_the_file(bench, outside):
    bench.run("models", "add", outside)
    assert bench.run("models", "remove", "away") == 0
    assert listed(bench) == []
    assert outside.is_file()


def test_even_delete_leaves_a_file_outside_the_folder(bench, outside):
    bench.run("models", "add", outside)
    assert bench.run("models", "remove", "away", "--delete", "--yes") == 0
    assert outside.is_file()


def test_a_model_that_went_away_can_be_forgotten(bench, outside):
    bench.run("models", "add", outside)
    outside.unlink()
    assert bench.run("models", "remove", "away") == 0
    assert listed(bench) == []


def test_nothing_in_the_folder_is_deleted_without_delete(bench):
    path = bench.add_model()
    assert bench.run("models", "remove", "guide") == 1
    assert "--delete" in bench.err
    assert path.is_file()


def test_nothing_is_deleted_where_nobody_can_be_asked(bench):
    path = bench.add_model()
    assert bench.run("models", "remove", "guide", "--delete") == 2
    assert path.is_file()


def test_delete_with_yes_deletes(bench):
    path = bench.add_model()
    assert bench.run("models", "remove", "guide", "--delete", "--yes") == 0
    assert not path.exists()


STRANGE = ["x" * 300, "/tmp/" + "x" * 300 + ".gguf", "~nobody-of-that-name/x.gguf", "bytes\udcff.gguf"]


@pytest.mark.parametrize("name", STRANGE, ids=["long", "long path", "home of nobody", "no text"])
@pytest.mark.parametrize("command", [("ask", "Hi", "-m"), ("models", "info"), ("models", "add")])
def test_a_strange_name_is_told_and_not_tripped_over(bench, command, name):
    bench.add_model()
    assert bench.run(*command, name) == 1
    assert len(bench.err.splitlines()) == 2


def test_an_empty_name_means_no_model(bench, outside):
    bench.run("models", "add", outside)
    assert bench.run("models", "remove", "") == 2
    assert bench.run("models", "info", " ") == 2
    assert len(listed(bench)) == 1


def test_a_link_to_itself_keeps_no_model_out(bench):
    path = bench.add_model()
    (path.parent / "circle.gguf").symlink_to("circle.gguf")
    assert [model["path"] for model in listed(bench) if not model["problem"]] == [str(path)]
    assert bench.run("models", "remove", "guide") == 1
    assert "--delete" in bench.err


def test_a_models_folder_may_begin_with_the_home_folder(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    bench.places.config.mkdir(parents=True, exist_ok=True)
    bench.places.settings_file.write_text('[models]\nmodels_folder = "~/gguf"\n')
    (tmp_path / "gguf").mkdir()
    small_models.reciter(tmp_path / "gguf" / "mine.gguf")
    bench.run("models", "list")
    assert "mine.gguf" in bench.out
