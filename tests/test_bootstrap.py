"""The pure parts of `packaging/bootstrap.py`, and the lists of pinned packages it installs."""

import importlib.util
import os
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("fireside_bootstrap", ROOT / "packaging" / "bootstrap.py")
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lack(
    python="/usr/bin/python3", must_build=False, system="debian", gone=(), venv=True, compiler="/usr/bin/c++"
):
    def answer(_python, code):
        return ("both" if venv else None) if "ensurepip" in code else "3.11"

    return bootstrap.missing(
        python,
        must_build,
        system,
        loads=lambda soname: soname not in gone,
        answer=answer,
        compiler=lambda: compiler,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=debian\n", "debian"),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "debian"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "debian"),
        ("ID=fedora\n", "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("ID=nixos\n", ""),
    ],
)
def test_the_system_is_known_by_its_family(tmp_path, text, expected):
    (tmp_path / "os-release").write_text(text)
    assert bootstrap.family(str(tmp_path / "os-release")) == expected


def test_a_system_without_os_release_has_no_family(tmp_path):
    assert bootstrap.family(str(tmp_path / "nothing")) == ""


def test_a_complete_system_lacks_nothing():
    assert lack(must_build=True) == ([], [], [])


def test_everything_missing_is_named_at_once_with_one_command():
    found = lack(must_build=True, venv=False, compiler="", gone=("libEGL.so.1", "libxcb-cursor.so.0"))
    assert len(found.reasons) == 3
    assert found.packages[0].endswith("-venv")
    assert found.packages[1:] == ["g++", "libegl1", "libxcb-cursor0"]
    text = bootstrap.explain(found, "debian", is_root=False)
    assert "sudo apt-get install -y --no-install-recommends python3" in text
    assert "libEGL.so.1, libxcb-cursor.so.0" in text


def test_root_needs_no_sudo():
    assert bootstrap.install_command("fedora", ["gcc-c++"], is_root=True) == "dnf install -y gcc-c++"


def test_a_package_with_several_libraries_is_named_once():
    gone = ("libxcb-randr.so.0", "libxcb-shape.so.0", "libxcb-xkb.so.1")
    assert lack(system="fedora", gone=gone).packages == ["libxcb"]


def test_no_compiler_is_asked_for_when_llama_is_compiled_already():
    assert lack(must_build=False, compiler="").reasons == []


def test_wayland_alone_stops_nothing_but_is_wished_for():
    found = lack(gone=("libwayland-cursor.so.0",))
    assert found.reasons == []
    assert found.wishes == ["libwayland-cursor0"]


def test_an_unknown_system_gets_the_names_of_the_libraries():
    found = lack(system="", gone=("libEGL.so.1",), must_build=True, compiler="", venv=False)
    text = bootstrap.explain(found, "", is_root=False)
    assert "libEGL.so.1" in text
    assert "your system's packages" in text


def test_an_old_python_looks_for_a_newer_one_that_works():
    paths = {"python3.12": "/shims/python3.12", "python3.13": "/usr/bin/python3.13"}
    works = {"/usr/bin/python3.13": "3.13"}
    found = bootstrap.find_python((3, 8), which=paths.get, version=lambda path: works.get(path, ""))
    assert found == "/usr/bin/python3.13"


def test_a_python_that_is_too_old_is_said_so():
    assert bootstrap.find_python((3, 10), which=lambda _name: None) is None
    found = lack(python=None)
    assert "Python 3.11 or newer" in found.reasons[0]
    assert found.packages == ["python3.11", "python3.11-venv"]


def test_the_script_uses_no_syntax_newer_than_python_3_7():
    import ast

    source = (ROOT / "packaging" / "bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))


def test_too_little_room_is_said_with_numbers(tmp_path):
    with pytest.raises(bootstrap.SetupError, match=r"1\.0 GB free, 2 GB are needed"):
        bootstrap.check_space([str(tmp_path / "not" / "there")], free=lambda _folder: 10**9)


IDENTITY = {
    "version": "0.3.36",
    "args": "-DGGML_NATIVE=ON",
    "machine": "x86_64",
    "libc": "glibc-2.36",
    "flags": "avx",
}


@pytest.mark.parametrize("part", sorted(IDENTITY))
def test_anything_that_matters_changes_the_key(part):
    assert bootstrap.identity(**IDENTITY) != bootstrap.identity(**{**IDENTITY, part: "other NATIVE=ON"})


def test_a_build_for_every_processor_does_not_depend_on_this_one():
    plain = {**IDENTITY, "args": "-DGGML_NATIVE=OFF"}
    assert bootstrap.identity(**plain) == bootstrap.identity(**{**plain, "flags": "sse4_2"})


def test_flags_that_come_with_a_new_kernel_do_not_change_the_key(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("model name\t: x\nflags\t\t: fpu sse2 avx2 popcnt\n")
    new.write_text("model name\t: x\nflags\t\t: fpu sse2 popcnt avx2 bus_lock_detect ibrs_enhanced\n")
    assert bootstrap.processor(str(old)) == bootstrap.processor(str(new)) == "avx2 popcnt sse2"


def put_wheel(wheels, name):
    folder = wheels / name
    folder.mkdir(parents=True)
    (folder / "llama_cpp_python-0-py3-none-any.whl").write_bytes(b"")
    return str(folder / "llama_cpp_python-0-py3-none-any.whl")


def test_a_wheel_of_another_compiler_is_taken_only_without_a_compiler(tmp_path):
    wheel = put_wheel(tmp_path, f"llama-1-abc-{bootstrap.short('gcc 12')}")
    assert bootstrap.find_wheel(str(tmp_path), "llama-1-abc", "gcc 12") == wheel
    assert bootstrap.find_wheel(str(tmp_path), "llama-1-abc", "gcc 13") is None
    assert bootstrap.find_wheel(str(tmp_path), "llama-1-abc", "") == wheel
    assert bootstrap.find_wheel(str(tmp_path), "llama-1-ab", "") is None


def test_an_unfinished_build_is_no_wheel(tmp_path):
    put_wheel(tmp_path, f"llama-1-abc-{bootstrap.short('gcc')}.tmp123")
    assert bootstrap.find_wheel(str(tmp_path), "llama-1-abc", "") is None
    assert bootstrap.find_wheel(str(tmp_path / "none"), "llama-1-abc", "") is None


def fake_compiler(status=0, wheel=True):
    def run(_python, work, log):
        log.write("\n".join(f"line {n}" for n in range(40)) + "\n")
        if wheel:
            Path(work, "llama_cpp_python-0-py3-none-any.whl").write_bytes(b"new")
        return status

    return run


def test_a_build_appears_whole_under_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "run_compiler", fake_compiler())
    bootstrap.compile_llama("python", str(tmp_path / "key"))
    assert bootstrap.wheel_in(str(tmp_path / "key"))
    assert os.listdir(tmp_path) == ["key"]


def test_a_failed_build_shows_its_last_lines_and_keeps_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "run_compiler", fake_compiler(status=1, wheel=False))
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.compile_llama("python", str(tmp_path / "key"))
    assert "line 39" in str(caught.value)
    assert "line 24" not in str(caught.value)
    assert os.listdir(tmp_path) == ["key.log"]


def test_the_slower_of_two_builds_gives_way(tmp_path, monkeypatch):
    first = Path(put_wheel(tmp_path, "key"))
    monkeypatch.setattr(bootstrap, "run_compiler", fake_compiler())
    bootstrap.compile_llama("python", str(tmp_path / "key"))
    assert first.read_bytes() == b""
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.skipif(bootstrap.fcntl is None, reason="needs a system with flock")
def test_a_second_setup_waits_for_the_first(tmp_path, capsys):
    order = []
    inside, waiting = threading.Event(), threading.Event()

    def second():
        inside.wait(10)
        with bootstrap.only_one(str(tmp_path), "waiting"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    real_say = bootstrap.say
    try:
        bootstrap.say = lambda *_words: waiting.set()
        with bootstrap.only_one(str(tmp_path), "waiting") as alone:
            assert alone
            inside.set()
            assert waiting.wait(10)
            order.append("first")
    finally:
        thread.join(10)
        bootstrap.say = real_say
    assert order == ["first", "second"]


def test_progress_is_read_from_ninja():
    shown, times = [], iter([0.0, 61.0, 61.0])
    progress = bootstrap.Progress(is_terminal=False, show=shown.append, now=lambda: next(times))
    progress.read("  [50/200] Building CXX object")
    progress.read("some other line")
    assert shown == ["   25 %  [50/200]  1:01\n"]


def test_the_compiler_gets_our_flags_and_none_of_makes(tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "--jobserver-auth=3,4")
    monkeypatch.setenv("FIRESIDE_CMAKE_ARGS", "-DGGML_NATIVE=OFF")
    env = bootstrap.compile_environment("/scratch", str(tmp_path))
    assert env["CMAKE_ARGS"] == "-DGGML_NATIVE=OFF"
    assert "MAKEFLAGS" not in env
    assert env["PATH"].startswith(str(tmp_path))


def stamp(**changes):
    return {"root": "/r", "llama": "l", "run": "1", "dev": None, "python": "3.11", **changes}


@pytest.mark.parametrize(
    ("changes", "dev", "version", "ready"),
    [
        ({}, False, "3.11", True),
        ({}, True, "3.11", False),
        ({"dev": "2"}, True, "3.11", True),
        ({"dev": "2"}, False, "3.11", True),  # `make run` after `make test` changes nothing
        ({"dev": "old"}, True, "3.11", False),
        ({"run": "old"}, False, "3.11", False),
        ({"llama": "old"}, False, "3.11", False),
        ({"root": "/moved"}, False, "3.11", False),
        ({}, False, "3.13", False),
        ({"python": ""}, False, "", False),
    ],
)
def test_the_stamp_tells_whether_there_is_something_to_do(changes, dev, version, ready):
    want = {"root": "/r", "llama": "l", "run": "1", "dev": "2"}
    assert bootstrap.is_ready(stamp(**changes), want, dev, version) is ready


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_broken_stamp_counts_as_none(tmp_path, text):
    (tmp_path / "stamp").write_text(text)
    assert bootstrap.read_stamp(str(tmp_path / "stamp")) == {}
    assert bootstrap.read_stamp(str(tmp_path / "nothing")) == {}


class Installed:
    """Stands in for pip: remembers what it was asked for."""

    def __init__(self, tmp_path, monkeypatch):
        self.calls, self.made = [], 0
        monkeypatch.setattr(bootstrap, "VENV", str(tmp_path))
        monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / "stamp.json"))
        monkeypatch.setattr(bootstrap, "pip_install", self.calls.append)
        monkeypatch.setattr(bootstrap, "make_venv", self.make)
        monkeypatch.setattr(bootstrap, "llama_wheel", lambda _python: "llama.whl")
        monkeypatch.setattr(bootstrap, "connect", lambda: None)
        monkeypatch.setattr(bootstrap, "version_of", lambda _python: "3.11")

    def make(self, _python, _folder):
        self.made += 1


def test_the_tools_are_added_without_installing_llama_again(tmp_path, monkeypatch):
    installed = Installed(tmp_path, monkeypatch)
    bootstrap.install("python", False, {}, "")
    assert [call[-1] for call in installed.calls] == [bootstrap.pins("run"), "llama.whl"]
    installed.calls.clear()
    bootstrap.install("python", True, bootstrap.read_stamp(bootstrap.STAMP), "3.11")
    assert [call[-1] for call in installed.calls] == [bootstrap.pins("dev")]
    assert installed.made == 1
    last = bootstrap.read_stamp(bootstrap.STAMP)
    assert bootstrap.is_ready(last, bootstrap.wanted(dev=False), False, "3.11")
    assert bootstrap.is_ready(last, bootstrap.wanted(dev=True), True, "3.11")


def test_tools_once_installed_are_kept_up_to_date_by_make_run(tmp_path, monkeypatch):
    installed = Installed(tmp_path, monkeypatch)
    bootstrap.install("python", True, {}, "")
    last = bootstrap.read_stamp(bootstrap.STAMP)
    installed.calls.clear()
    bootstrap.install("python", False, {**last, "run": "of an older list"}, "3.11")
    assert [call[-1] for call in installed.calls] == [bootstrap.pins("dev")]


def test_an_interrupted_setup_leaves_no_stamp(tmp_path, monkeypatch):
    Installed(tmp_path, monkeypatch)
    bootstrap.install("python", False, {}, "")

    def fail(_arguments):
        raise bootstrap.SetupError("no network")

    monkeypatch.setattr(bootstrap, "pip_install", fail)
    with pytest.raises(bootstrap.SetupError):
        bootstrap.install("python", True, bootstrap.read_stamp(bootstrap.STAMP), "3.11")
    assert bootstrap.read_stamp(bootstrap.STAMP) == {}


@pytest.mark.skipif(os.name == "nt", reason="the command is a shell script elsewhere")
def test_the_command_works_from_a_folder_with_a_space_and_through_a_link(tmp_path, monkeypatch):
    venv, root = tmp_path / "my venv", tmp_path / "my checkout"
    (venv / "bin").mkdir(parents=True)
    (root / "app" / "cli").mkdir(parents=True)
    for package in (root / "app", root / "app" / "cli"):
        (package / "__init__.py").touch()  # or the real one would be preferred
    (root / "app" / "cli" / "main.py").write_text(
        "import sys\ndef run():\n    print(sys.argv[1:])\n    return 7\n"
    )
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr(bootstrap, "VENV", str(venv))
    monkeypatch.setattr(bootstrap, "ROOT", str(root))
    monkeypatch.setattr(bootstrap, "answer", lambda _python, _code: str(site))
    bootstrap.connect()
    assert (site / "fireside.pth").read_text() == f"{root}\n"
    (tmp_path / "link").symlink_to(venv / "bin" / "fireside")
    done = subprocess.run(
        [str(tmp_path / "link"), "a b"],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "['a b']\n"), done.stderr


LISTS = ["run", "dev", "build", "llama"]


def pinned(name):
    """Package -> number of hashes over all its pins, from one list."""
    text = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8")
    found = {}
    for block in re.split(r"\n(?=[a-z])", text):
        if match := re.match(r"([a-z0-9-]+)==\S+", block):
            found[match[1]] = found.get(match[1], 0) + block.count("--hash=sha256:")
            assert "--hash=sha256:" in block, f"{match[1]} has no hash in {name}.txt"
    return found


def normal(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_no_host(name):
    text = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8")
    assert "//" not in text
    assert not re.search(r"--(extra-)?index|--find-links|--trusted", text)


def test_every_dependency_is_pinned_with_a_hash():
    run = set(map(normal, PYPROJECT["project"]["dependencies"]))
    tools = set(map(normal, PYPROJECT["project"]["optional-dependencies"]["dev"]))
    assert run <= set(pinned("run")) | set(pinned("llama"))
    assert run | tools <= set(pinned("dev")) | set(pinned("llama"))
    assert {"numpy", "cmake", "ninja"} <= set(pinned("run")) | set(pinned("build"))


def test_the_two_lists_agree_where_they_overlap():
    def pins(name):
        text = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8")
        return set(re.findall(r"^[a-z0-9-]+==[^\\\n]+", text, re.MULTILINE))

    assert pins("run") <= pins("dev")


def test_the_compiled_version_satisfies_the_project():
    asked = next(d for d in PYPROJECT["project"]["dependencies"] if d.startswith("llama-cpp-python"))
    lowest = re.search(r">=([\d.]+)", asked)[1]
    assert tuple(map(int, bootstrap.llama_version().split("."))) >= tuple(map(int, lowest.split(".")))
