import os
import sys

import pytest
from cli_bench import Bench

from app.cli.doctor import engine_finding


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_healthy_machine_is_status_0(bench):
    assert bench.run("doctor") == 0, bench.out
    for topic in ("engine", "memory", "data", "database", "models"):
        assert topic in bench.out
    assert "BAD" not in bench.out


def test_the_doctor_makes_no_database(bench):
    bench.run("doctor")
    assert not bench.places.database.exists()


def test_paths_are_told(bench):
    assert bench.run("doctor", "--paths") == 0
    assert str(bench.places.database) in bench.out


def test_an_unusable_database_is_status_1(bench):
    bench.run("models", "list")
    bench.places.database.unlink()
    bench.places.database.mkdir()
    assert bench.run("doctor") == 1
    assert "BAD  database" in bench.out


def test_a_missing_models_folder_is_status_1(bench):
    bench.run("doctor")
    bench.places.settings_file.write_text('[models]\nmodels_folder = "/gone/away"\n')
    assert bench.run("doctor") == 1
    assert "BAD  models" in bench.out


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import os; os.abort()", "it crashed"),
        ("raise ImportError('no llama here')", "no llama here"),
        ("import time; time.sleep(60)", "did not start within"),
    ],
)
def test_an_engine_that_does_not_start_is_told(script, words):
    finding = engine_finding([sys.executable, "-c", script], seconds=2)
    assert not finding.is_fine
    assert words in finding.words


def test_an_engine_that_is_not_there_is_told():
    assert not engine_finding(["/no/such/program"]).is_fine


def test_settings_that_cannot_be_read_are_found_and_the_rest_is_still_looked_at(bench):
    bench.places.settings_file.mkdir(parents=True)
    assert bench.run("doctor") == 1
    assert "BAD  settings   The settings in" in bench.out
    assert f"models     {bench.places.models}" in bench.out
    assert bench.run("doctor", "--paths") == 0
    assert str(bench.places.settings_file) in bench.out


def test_a_models_folder_that_is_closed_is_found(bench, monkeypatch):
    may = os.access  # root may do everything, whatever the modes say
    monkeypatch.setattr(os, "access", lambda path, mode: path != bench.places.models and may(path, mode))
    assert bench.run("doctor") == 1
    assert f"BAD  models     {bench.places.models} is closed to you" in bench.out
    assert bench.run("models", "list") == 0
    assert f"The models folder {bench.places.models} is closed to you" in bench.err
