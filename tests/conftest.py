import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import threading

import pytest


@pytest.fixture(autouse=True)
def no_thread_left_behind():
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    assert not left, f"threads left running: {left}"


@pytest.fixture
def store(tmp_path):
    from app.storage.store import Store

    store = Store.open(tmp_path / "chats.db")
    yield store
    store.close()


@pytest.fixture
def desk(qapp, store, tmp_path):
    from desk import Desk

    folder = tmp_path / "models"
    folder.mkdir()
    desk = Desk(store, folder)
    yield desk
    desk.close()
