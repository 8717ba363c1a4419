"""What the start of the program must not bring in."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def modules_after(statement):
    script = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("library", ["PySide6", "llama_cpp", "numpy", "jinja2"])
def test_the_command_line_starts_without(library):
    assert library not in modules_after("import app.cli.main, app.cli.commands")


@pytest.mark.parametrize("library", ["llama_cpp", "numpy", "jinja2", "tomlkit", "psutil", "markdown_it"])
def test_the_window_is_made_without(library):
    assert library not in modules_after("import app.cli.main, app.bootstrap")


def test_the_test_itself_can_see_an_import():
    assert "json" in modules_after("import json")


def test_core_starts_without_anything_heavy():
    brought = modules_after("import app.core.export, app.core.titles, app.core.models, app.core.settings")
    assert not brought & {"PySide6", "llama_cpp", "psutil", "platformdirs", "sqlite3"}
