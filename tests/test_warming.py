import os

import pytest

from app.core.errors import Cancelled
from app.core.jobs import CancelToken
from app.engine import warming
from app.engine.warming import all_parts, warm

PIECE = 1 << 20


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(os.urandom(8 * PIECE))
    return path


@pytest.fixture
def cold(monkeypatch):
    """Says that nothing is in memory; whether it is, is the system's own business."""
    monkeypatch.setattr(warming, "_is_in_memory", lambda *_: False)


@pytest.mark.usefixtures("cold")
def test_a_cold_file_is_read_with_progress(file):
    told = []
    assert warm([file], told.append, CancelToken())
    assert told == [n / 8 for n in range(8)]


@pytest.mark.usefixtures("cold")
def test_reading_is_stopped_between_two_pieces(file):
    token, told = CancelToken(), []

    def tell(fraction):
        told.append(fraction)
        if len(told) == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        warm([file], tell, token)
    assert len(told) == 3


def test_a_file_just_written_is_in_memory_and_not_read_again(file):
    told = []
    assert not warm([file], told.append, CancelToken())
    assert not told


def test_a_file_that_is_gone_is_left_to_the_engine_to_tell(tmp_path):
    assert not warm([tmp_path / "gone.gguf"], lambda _: None, CancelToken())


def test_all_parts_of_a_split_model_are_known(tmp_path):
    first = tmp_path / "big-00001-of-00003.gguf"
    assert [p.name[-19:-5] for p in all_parts(first)] == [
        "00001-of-00003",
        "00002-of-00003",
        "00003-of-00003",
    ]
    assert all_parts(tmp_path / "small.gguf") == [tmp_path / "small.gguf"]
