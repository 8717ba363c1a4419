import subprocess
import sys

from app.second_start import Doorbell, ring


def test_a_second_start_rings_at_the_first(qtbot, tmp_path):
    bell = Doorbell(tmp_path)
    code = (
        "from pathlib import Path; from app.second_start import ring;"
        f"raise SystemExit(not ring(Path({str(tmp_path)!r})))"
    )
    with qtbot.waitSignal(bell.rung, timeout=10_000):
        second = subprocess.Popen([sys.executable, "-c", code])
    assert second.wait(10) == 0
    bell.close()


def test_ringing_where_nobody_listens_says_so(qapp, tmp_path):
    assert not ring(tmp_path, patience=0.1)


def test_other_data_has_another_bell(qapp, tmp_path):
    bell = Doorbell(tmp_path)
    assert not ring(tmp_path / "other", patience=0.1)
    bell.close()


def test_a_bell_left_by_a_crash_is_no_obstacle(qtbot, tmp_path):
    code = (
        "import os; from pathlib import Path; from PySide6.QtCore import QCoreApplication;"
        "from app.second_start import Doorbell; a = QCoreApplication([]);"
        f"b = Doorbell(Path({str(tmp_path)!r})); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert not ring(tmp_path, patience=0.1)
    bell = Doorbell(tmp_path)
    with qtbot.waitSignal(bell.rung, timeout=2000):
        assert ring(tmp_path)
    bell.close()


def test_a_second_start_waits_for_a_first_one_that_is_still_starting(qtbot, tmp_path):
    code = (
        "from pathlib import Path; from app.second_start import ring; print(flush=True);"
        f"raise SystemExit(not ring(Path({str(tmp_path)!r})))"
    )
    second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    second.stdout.readline()  # it is about to knock, and nobody listens
    bell = Doorbell(tmp_path)
    with qtbot.waitSignal(bell.rung, timeout=10_000):
        pass
    assert second.wait(10) == 0
    second.stdout.close()
    bell.close()
