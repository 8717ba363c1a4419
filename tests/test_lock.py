"""The lock on the data folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import StoreUnwritable
from app.storage.lock import DataLock

HOLDER = """
import sys
from pathlib import Path
from app.storage.lock import DataLock
lock = DataLock.take(Path(sys.argv[1]))
print("taken" if lock else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def test_only_one_has_the_lock(path):
    lock = DataLock.take(path)
    assert lock is not None
    assert DataLock.take(path) is None
    lock.release()
    lock.release()
    again = DataLock.take(path)
    assert again is not None
    again.release()


def test_another_process_keeps_us_out(path, other):
    assert DataLock.take(path) is None


def test_the_lock_dies_with_its_process(path, other):
    other.kill()
    other.wait()
    lock = DataLock.take(path)
    assert lock is not None
    lock.release()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable):
        DataLock.take(tmp_path / "file" / "lock")
