"""The arrows between the rooms. The picture they belong to is in app/README.md."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"

SERVANTS = {"system", "storage", "engine", "library", "documents"}
# room -> the rooms it may import, besides itself
MAY_IMPORT = {
    "core": set(),
    **{room: {"core"} for room in SERVANTS},
    "controllers": {"core", *SERVANTS},
    "ui": {"core", "controllers"},
    "cli": {"core", *SERVANTS, "bootstrap"},
}
# library -> the only places that may import it
ONLY_IN = {
    "PySide6": ("app/controllers/", "app/ui/", "app/bootstrap.py", "app/farewell.py", "app/second_start.py"),
    "PySide6.QtWidgets": ("app/ui/", "app/bootstrap.py"),
    "PySide6.QtGui": ("app/ui/", "app/bootstrap.py"),
    "PySide6.QtNetwork": ("app/second_start.py",),
    "llama_cpp": ("app/engine/",),
    "huggingface_hub": ("app/library/",),
    "sqlite3": ("app/storage/",),
    "threading": ("app/controllers/lane.py", "app/core/jobs.py"),
}
MODULES = sorted(APP.rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path):
    inside = path.relative_to(APP).parts
    return inside[0] if len(inside) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(APP).as_posix())
def test_imports_follow_the_arrows(path):
    here = path.relative_to(ROOT).as_posix()
    room = room_of(path)
    for name in set(imports(path)):
        parts = name.split(".")
        if parts[0] == "app" and len(parts) > 1 and room:
            assert room in MAY_IMPORT, f"{room} is a room the picture does not have"
            if parts[1] != "__version__":
                assert parts[1] in MAY_IMPORT[room] | {room}, f"{room} may not import {name}"
        for library, places in ONLY_IN.items():
            if name == library or name.startswith(library + "."):
                assert here.startswith(places), f"only {places} may import {library}"


def test_core_needs_the_standard_library_alone():
    import sys

    for path in sorted((APP / "core").glob("*.py")):
        outside = {n.split(".")[0] for n in imports(path)} - set(sys.stdlib_module_names) - {"app"}
        assert not outside, f"{path.name} imports {outside}"


def test_no_room_is_a_shed():
    assert not [p for p in APP.rglob("*") if p.stem in {"utils", "helpers", "common", "misc"}]
