import logging
import stat
import subprocess
import sys

import pytest

from app.system.logs import log_bugs, start_log


@pytest.fixture
def hook():
    before = sys.excepthook
    yield
    sys.excepthook = before


def test_what_is_logged_reaches_the_file(tmp_path):
    book = start_log(tmp_path / "a.log")
    logging.getLogger("app.test").info("loaded %d", 7)
    book.close()
    assert "INFO app.test: loaded 7" in (tmp_path / "a.log").read_text()


def test_a_closed_book_takes_no_more(tmp_path):
    start_log(tmp_path / "a.log").close()
    logging.getLogger("app.test").error("too late")
    assert "too late" not in (tmp_path / "a.log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_file_is_for_its_owner_alone(tmp_path):
    start_log(tmp_path / "a.log", crash_file=tmp_path / "crash.log").close()
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "crash.log").stat().st_mode) == 0o600


def test_the_log_does_not_grow_for_ever(tmp_path):
    book = start_log(tmp_path / "a.log")
    for _ in range(60):
        logging.getLogger("app.test").info("x" * 100_000)
    book.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 4_500_000


def test_an_unwritable_log_is_told_and_the_program_goes_on(tmp_path, capsys):
    book = start_log(tmp_path / "missing" / "a.log")
    logging.getLogger("app.test").info("still here")
    book.close()
    assert "cannot be written" in capsys.readouterr().err


def test_an_error_nobody_caught_is_logged_whole_and_told(tmp_path, hook):
    told = []
    book = start_log(tmp_path / "a.log")
    log_bugs(told.append)
    with pytest.raises(ValueError, match="broken part") as caught:
        raise ValueError("broken part")
    sys.excepthook(caught.type, caught.value, caught.tb)
    book.close()
    assert told == [caught.value]
    text = (tmp_path / "a.log").read_text()
    assert "broken part" in text
    assert "Traceback" in text


def test_ctrl_c_is_no_bug(tmp_path, hook, capsys):
    told = []
    book = start_log(tmp_path / "a.log")
    log_bugs(told.append)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    book.close()
    assert told == []
    assert (tmp_path / "a.log").read_text() == ""


def test_a_crash_of_native_code_leaves_where_it_was(tmp_path):
    script = (
        "import faulthandler, sys; from pathlib import Path; from app.system.logs import start_log\n"
        "start_log(Path(sys.argv[1]) / 'a.log', crash_file=Path(sys.argv[1]) / 'crash.log')\n"
        "faulthandler._sigabrt()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True)
    assert "Aborted" in (tmp_path / "crash.log").read_text()
