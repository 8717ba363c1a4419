import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_models
from cli_bench import Bench

from app import __version__
from app.cli.main import main, open_window

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def start(home, *argv, **how):
    """The real program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, argv)],
        cwd=ROOT,
        env={**os.environ, "FIRESIDE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"Fireside {__version__}\n"


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("ask", "chat", "models", "export", "doctor"):
        assert command in text


@pytest.mark.parametrize(
    "argv",
    [["dance"], ["ask"], ["models"], ["export", "x", "--format", "doc"], ["ask", "--temperature", "x", "y"]],
)
def test_wrong_usage_is_status_2(argv, capsys):
    assert main(argv) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_without_a_screen_the_terminal_is_offered(capsys):
    assert open_window([], {}) == 1
    assert "fireside chat" in capsys.readouterr().err


def test_without_a_screen_the_command_is_named_as_it_can_be_typed_here(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [str(tmp_path / ".venv" / "bin" / "fireside")])
    assert open_window([], {}) == 1
    assert f"terminal: {Path('.venv/bin/fireside')} chat\n" in capsys.readouterr().err


def test_a_bug_is_logged_whole_and_rises(bench, monkeypatch):
    bench.run("models", "list")
    monkeypatch.setattr("app.cli.tools.Shelf.scan", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.run("models", "list")
    assert "ZeroDivisionError" in bench.places.log_file.read_text()


def test_unwritable_data_is_status_1_with_a_hint(tmp_path):
    (tmp_path / "file").write_text("in the way")
    bench = Bench(tmp_path / "file")
    assert bench.run("models", "list") == 1
    assert "FIRESIDE_HOME" in bench.err


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_models.reciter(tmp_path_factory.mktemp("m") / "guide.gguf")


@pytest.fixture(scope="module")
def babbler(tmp_path_factory):
    return small_models.babbler(tmp_path_factory.mktemp("m") / "babbler.gguf")


def test_a_real_model_replies_in_a_real_process(tmp_path, model):
    program = start(tmp_path, "ask", "--model", model, "--temperature", 0, "Hello")
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out, err) == (0, small_models.SCRIPT + "\n", "")


@pytest.mark.skipif(os.name != "posix", reason="signals are sent another way on Windows")
def test_ctrl_c_stops_a_reply_with_status_130(tmp_path, babbler):
    program = start(tmp_path, "ask", "--model", babbler, "--max-tokens", 100_000, "Hello")
    assert program.stdout.read(1)  # it writes
    program.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = program.communicate(timeout=30)
    assert program.returncode == 130
    assert time.monotonic() - began < 5
    assert out.endswith("\n")
    assert "Traceback" not in err


@pytest.mark.skipif(os.name != "posix", reason="pipes close another way on Windows")
def test_a_closed_pipe_ends_quietly(tmp_path, babbler):
    program = start(tmp_path, "ask", "--model", babbler, "--max-tokens", 100_000, "Hello")
    assert program.stdout.read(1)
    program.stdout.close()
    assert program.wait(timeout=30) == 0
    assert program.stderr.read() == ""
    program.stderr.close()


@pytest.mark.skipif(os.name != "posix", reason="streams are closed another way on Windows")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(tmp_path, closed):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m app models list {closed}', sys.executable],
        cwd=ROOT,
        env={**os.environ, "FIRESIDE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_output_on_a_full_disk_is_status_1_with_a_sentence(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "app", "doctor", "--paths"],
            cwd=ROOT,
            env={**os.environ, "FIRESIDE_HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("The output could not be written")


@pytest.mark.skipif(os.name != "posix", reason="signals are sent another way on Windows")
def test_ctrl_c_while_modules_are_brought_in_is_status_130_without_a_trace():
    code = (
        "import builtins, os, signal; from app.cli import main; usual = builtins.__import__\n"
        "def bring(name, *rest):\n"
        "    if name == 'app.cli.commands': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return usual(name, *rest)\n"
        "builtins.__import__ = bring; main.sys.argv = ['fireside', 'doctor']; main.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(os.name != "posix", reason="signals are sent another way on Windows")
@pytest.mark.parametrize("wish", ["SIGTERM", "SIGHUP"])
def test_a_copy_that_is_asked_to_end_leaves_nothing(tmp_path, wish):
    models, big = tmp_path / "models", tmp_path / "big.gguf"
    small_models.reciter(big)
    with big.open("r+b") as file:
        file.truncate(1 << 31)  # a hole: it takes no room, and a second or two to copy
    program = start(tmp_path, "models", "add", "--copy", big)
    deadline = time.monotonic() + 20
    while not list(models.glob(".*.copying")) and time.monotonic() < deadline:
        time.sleep(0.005)
    program.send_signal(getattr(signal, wish))
    _, err = program.communicate(timeout=30)
    assert (program.returncode, err) == (128 + getattr(signal, wish), "")
    assert list(models.iterdir()) == []
