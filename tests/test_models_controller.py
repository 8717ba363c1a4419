import threading

import pytest
from desk import Desk
from small_models import babbler, reciter

from app.core.errors import EngineFailed, ModelMissing
from app.core.notices import NoticeKind


@pytest.fixture
def empty(qapp, store, tmp_path):
    """A desk with no model loaded."""
    folder = tmp_path / "models"
    folder.mkdir()
    desk = Desk(store, folder, is_loaded=False)
    yield desk
    desk.close()


def listed(qtbot, desk, act=None):
    with qtbot.waitSignal(desk.models.listed, timeout=5000) as signal:
        (act or desk.models.refresh)()
    return signal.args[0]


def test_the_models_folder_is_listed(qtbot, empty):
    reciter(empty.folder / "small.gguf")
    (file,) = listed(qtbot, empty)
    assert (file.path.name, file.problem) == ("small.gguf", "")


def test_a_model_is_loaded_with_the_settings_window_and_remembered(qtbot, empty):
    path = reciter(empty.folder / "small.gguf", n_ctx=1024)
    listed(qtbot, empty)
    empty.settings.change("context_window", 4096)
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.load(str(path))
    spec = empty.backend.loads[-1]
    assert spec.n_ctx == 1024  # what the model knows
    assert spec.needed_bytes > path.stat().st_size / 2
    assert empty.models.model.path == path
    assert empty.store.last_model() == str(path)


def test_the_start_loads_the_model_used_last(qtbot, empty):
    for name in ("a.gguf", "b.gguf"):
        reciter(empty.folder / name)
    empty.store.note_model_used(str(empty.folder / "b.gguf"))
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.start()
    assert empty.models.model.path.name == "b.gguf"


def test_where_no_model_was_used_yet_the_smallest_is_taken(qtbot, empty):
    reciter(empty.folder / "a.gguf")
    small = babbler(empty.folder / "b.gguf", layers=1, embedding=64)
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.start()
    assert empty.models.model.path == small


def test_the_start_loads_nothing_if_the_settings_say_so(qtbot, empty):
    reciter(empty.folder / "a.gguf")
    empty.settings.change("load_last_model", False)
    listed(qtbot, empty, empty.models.start)
    assert not empty.models.is_loading


def test_the_first_message_loads_the_only_model(qtbot, empty):
    reciter(empty.folder / "a.gguf")
    listed(qtbot, empty)
    ended = empty.say(qtbot, "Hello")
    assert empty.backend.loads
    assert ended.text
    assert any("Loading" in words for _, words in empty.all_heard("progress_changed"))


def test_stop_during_the_load_stops_the_load_and_the_reply(qtbot, empty):
    reciter(empty.folder / "a.gguf")
    listed(qtbot, empty)
    empty.backend.load_gate = threading.Event()
    empty.chat.send("Hello")
    with qtbot.waitSignals([empty.models.load_ended, empty.replies.ended], timeout=5000):
        empty.chat.stop()
    assert empty.models.model is None
    assert empty.branch()[-1].state == "stopped"
    empty.backend.load_gate = None
    assert empty.say(qtbot, "Again").text


def test_a_load_that_fails_is_told_and_the_old_model_stays(qtbot, desk):
    path = reciter(desk.folder / "new.gguf")
    listed(qtbot, desk)
    desk.backend.load_error = EngineFailed("It broke.")
    with qtbot.waitSignal(desk.models.load_ended, timeout=5000):
        desk.models.load(str(path))
    assert desk.told[-1].sentence == "It broke."
    assert desk.models.model.name == "Scripted"
    assert desk.say(qtbot, "Hello").text


def test_a_damaged_file_is_refused_in_its_own_words_without_touching_the_engine(qtbot, desk):
    whole = reciter(desk.folder / "bad.gguf").read_bytes()
    (desk.folder / "bad.gguf").write_bytes(whole[: len(whole) // 2])
    (file,) = listed(qtbot, desk)
    loads = len(desk.backend.loads)
    desk.models.load(str(file.path))
    assert desk.told[-1].sentence == file.problem
    assert desk.told[-1].kind is NoticeKind.ERROR
    assert len(desk.backend.loads) == loads


def test_a_file_added_where_it_is_is_remembered_listed_and_loaded(qtbot, empty, tmp_path):
    path = reciter(tmp_path / "elsewhere.gguf")
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.add_files([str(path)], False)
    assert empty.store.model_paths() == [str(path)]
    assert empty.models.model.path == path
    empty.models.remove(str(path))
    assert empty.store.model_paths() == []
    assert path.exists()


def test_a_file_added_by_copy_is_in_the_folder(qtbot, empty, tmp_path):
    path = reciter(tmp_path / "elsewhere.gguf")
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.add_files([str(path)], True)
    assert (empty.folder / "elsewhere.gguf").read_bytes() == path.read_bytes()
    assert empty.store.model_paths() == []


def test_a_copy_tells_how_far_it_is_and_can_be_stopped(qtbot, empty, tmp_path):
    path = babbler(tmp_path / "big.gguf", layers=4, embedding=512)
    told = []
    empty.models.copy_progressed.connect(lambda name, fraction: told.append((name, fraction)))
    empty.models.add_files([str(path), str(path)], True)
    assert told == [("big.gguf", 0.0)] * 2
    empty.models.stop_adding()
    qtbot.waitUntil(lambda: told.count(("big.gguf", 1.0)) == 2)
    assert list(empty.folder.iterdir()) == []
    assert empty.told == []


def test_a_model_of_the_folder_is_not_forgotten_and_that_is_told(qtbot, empty):
    path = reciter(empty.folder / "a.gguf")
    listed(qtbot, empty)
    empty.models.remove(str(path))
    assert "folder" in empty.told[-1].sentence
    assert empty.told[-1].hint


def test_adding_something_that_is_no_model_is_told(qtbot, empty, tmp_path):
    (tmp_path / "letter.gguf").write_text("Dear Sir or Madam")
    with qtbot.waitSignal(empty.notices.posted, timeout=5000) as posted:
        empty.models.add_files([str(tmp_path / "letter.gguf")], False)
    assert "letter.gguf" in posted.args[0].sentence
    assert posted.args[0].hint
    assert empty.store.model_paths() == []


def test_unloading_is_told(qtbot, desk):
    with qtbot.waitSignal(desk.models.model_changed, timeout=5000) as changed:
        desk.models.unload()
    assert changed.args == [None]


def test_another_folder_in_the_settings_is_looked_through(qtbot, empty, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    reciter(other / "c.gguf")
    listed(qtbot, empty)
    empty.folder = other
    files = listed(qtbot, empty, lambda: empty.settings.change("models_folder", str(other)))
    assert [file.path.name for file in files] == ["c.gguf"]


def test_the_guide_stands_in_until_there_is_a_model_of_the_users_own(qtbot, store, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    guide = reciter(tmp_path / "guide.gguf")
    desk = Desk(store, folder, is_loaded=False, guide=guide)
    with qtbot.waitSignal(desk.models.load_ended, timeout=5000):
        desk.models.start()
    assert desk.models.model.path == guide
    assert desk.store.last_model() == ""
    own = babbler(tmp_path / "own.gguf")
    with qtbot.waitSignal(desk.models.load_ended, timeout=5000):
        desk.models.add_files([str(own)], False)
    assert desk.models.model.path == own
    desk.close()


def test_after_a_file_vanished_the_next_try_takes_another_model(qtbot, empty, monkeypatch):
    gone, there = reciter(empty.folder / "gone.gguf"), reciter(empty.folder / "there.gguf")
    empty.store.note_model_used(str(gone))
    listed(qtbot, empty)
    gone.unlink()

    def missing(spec, report, cancel):
        raise ModelMissing(spec.path)

    monkeypatch.setattr(empty.backend, "load", missing)
    with qtbot.waitSignal(empty.models.listed, timeout=5000):
        empty.models.load(str(gone))
    monkeypatch.undo()
    with qtbot.waitSignal(empty.models.load_ended, timeout=5000):
        empty.models.ensure_loaded()
    assert empty.models.model.path == there


def test_a_model_chosen_while_a_reply_waits_for_another_one_writes_it(qtbot, desk):
    for name in ("first.gguf", "second.gguf"):
        reciter(desk.folder / name)
    listed(qtbot, desk)
    desk.backend.load_gate = threading.Event()
    desk.models.load(str(desk.folder / "first.gguf"))
    qtbot.waitUntil(lambda: len(desk.backend.loads) == 2, timeout=5000)
    desk.chat.send("Hello")
    with qtbot.waitSignal(desk.replies.ended, timeout=5000) as ended:
        desk.models.load(str(desk.folder / "second.gguf"))
        desk.backend.load_gate.set()
    assert ended.args[0].model == desk.models.model.name
    assert desk.models.model.path.name == "second.gguf"
