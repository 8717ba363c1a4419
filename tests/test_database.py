"""The file: its mode, its upgrades, its failures, and being killed."""

import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.core.conversation import MessageState
from app.core.errors import AppError, DiskFull, StoreBusy, StoreGone, StoreTooNew, StoreUnwritable
from app.core.generation import SamplingOptions
from app.storage import upgrade
from app.storage.database import Database
from app.storage.schema import STEPS
from app.storage.store import Store

ROOT = Path(__file__).parent.parent
FIRST_RELEASE = ROOT / "tests" / "data" / "chats-v1.db"
OPTIONS = SamplingOptions()
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, limits and signals of Unix")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "chats.db"


@pytest.fixture
def store(path):
    store = Store.open(path)
    yield store
    with contextlib.suppress(sqlite3.ProgrammingError):  # closed by the test
        store.close()


def ask(store, text="Why is fire warm?"):
    chat = store.new_conversation()
    return store.add_exchange(chat.id, text, parent=None, model="m", options=OPTIONS)


@needs_posix
def test_only_its_owner_can_read_the_file_and_its_log(store, path):
    ask(store)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    assert modes == {"chats.db": 0o600, "chats.db-wal": 0o600, "chats.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@needs_posix
def test_a_file_open_to_others_is_made_private(path):
    Store.open(path).close()
    path.chmod(0o644)
    store = Store.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


def test_what_the_user_wrote_waits_for_the_disk_and_a_reply_does_not(store):
    _, reply = ask(store)
    assert store._database.value("PRAGMA synchronous") == 2
    store.save_reply(reply.id, "so")
    assert store._database.value("PRAGMA synchronous") == 1
    assert store._database.value("PRAGMA journal_mode") == "wal"
    ask(store)
    assert store._database.value("PRAGMA synchronous") == 2


def test_a_transaction_is_all_or_nothing(store):
    database = store._database
    chat = store.new_conversation()
    with pytest.raises(ZeroDivisionError), database.writing():
        assert database.run("UPDATE conversation SET title = 'half' WHERE id = ?", chat.id).rowcount / 0
    assert store.conversation(chat.id).title == ""


def test_a_bug_in_a_statement_is_not_dressed_up(store):
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        store._database.run("SELECT * FROM absent")


# upgrades


@pytest.fixture
def two_steps(monkeypatch):
    steps = (*STEPS, ("ALTER TABLE conversation ADD COLUMN folder TEXT NOT NULL DEFAULT 'none'",))
    monkeypatch.setattr(upgrade, "STEPS", steps)
    return steps


def test_an_older_file_is_upgraded_after_a_private_copy_was_made(path, two_steps, monkeypatch):
    monkeypatch.setattr(upgrade, "STEPS", STEPS)
    store = Store.open(path)
    question, _ = ask(store)
    store.close()
    monkeypatch.setattr(upgrade, "STEPS", two_steps)

    store = Store.open(path)

    assert store._database.value("PRAGMA user_version") == 2
    assert store._database.value("SELECT folder FROM conversation") == "none"
    assert store.message(question.id).text == question.text
    (copy,) = path.parent.glob("chats-v1-*.db")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
        assert connection.execute("SELECT text FROM message ORDER BY id").fetchone()[0] == question.text
    store.close()


def test_a_step_that_fails_changes_nothing(path, monkeypatch):
    store = Store.open(path)
    question, _ = ask(store)
    store.close()
    monkeypatch.setattr(upgrade, "STEPS", (*STEPS, ("DROP TABLE model", "NOT SQL")))
    with pytest.raises(sqlite3.OperationalError):
        Store.open(path)
    monkeypatch.setattr(upgrade, "STEPS", STEPS)
    store = Store.open(path)
    assert store.opening.damage is None
    assert store.message(question.id).text == question.text
    assert store.model_paths() == []
    store.close()


def test_only_the_last_few_copies_are_kept(path, monkeypatch):
    steps = list(STEPS)
    Store.open(path).close()
    for number in range(5):
        steps.append((f"CREATE TABLE extra{number} (x INTEGER) STRICT",))
        monkeypatch.setattr(upgrade, "STEPS", tuple(steps))
        Store.open(path).close()
    versions = sorted(p.name.split("-")[1] for p in path.parent.glob("chats-v*.db"))
    assert versions == ["v3", "v4", "v5"]


def test_a_newer_file_is_refused_and_not_touched(path, two_steps, monkeypatch):
    Store.open(path).close()
    monkeypatch.setattr(upgrade, "STEPS", STEPS)
    path.chmod(0o644)
    before = {p.name: (p.read_bytes(), p.stat()) for p in path.parent.iterdir()}
    with pytest.raises(StoreTooNew, match="newer version"):
        Store.open(path)
    assert {p.name: (p.read_bytes(), p.stat()) for p in path.parent.iterdir()} == before


def test_a_second_process_does_not_upgrade_under_the_first(path, monkeypatch):
    Store.open(path).close()
    monkeypatch.setattr(upgrade, "STEPS", (*STEPS, ("CREATE TABLE extra (x INTEGER) STRICT",)))
    with pytest.raises(AppError, match="older version"):
        Store.open(path, is_owner=False)
    assert not list(path.parent.glob("chats-v*"))


def test_the_first_releases_database_opens_with_all_that_is_in_it(tmp_path):
    path = tmp_path / "chats.db"
    path.write_bytes(FIRST_RELEASE.read_bytes())
    store = Store.open(path)
    assert store.opening.damage is None
    assert store.opening.interrupted == 1
    titles = [line.title for line in store.conversations()]
    assert titles == ["Pinned 火", "Of fire", ""]
    branch = store.branch(1)
    assert [m.text for m in branch] == ["Why is fire warm?", "Because 火边聊天。", "And ice?", "It is so"]
    assert branch[1].siblings == 2
    assert branch[1].stats.reply_tokens == 3
    assert branch[1].options.seed == 7
    assert branch[3].state is MessageState.STOPPED
    assert [hit.message for hit in store.search("火边")] == [branch[1].id]
    assert [line.title for line in store.trashed()] == ["Trashed"]
    assert store.last_model() == "/models/small.gguf"
    assert store.conversation(3).draft == "half a thought"
    store.close()


# failures


def test_a_full_disk_is_told_and_work_goes_on_once_there_is_room(store, path):
    question, reply = ask(store)
    pages = store._database.value("PRAGMA page_count")
    store._database.run(f"PRAGMA max_page_count = {pages + 2}")
    text = "many words " * 5000
    with pytest.raises(DiskFull) as told:
        store.save_reply(reply.id, text)
    assert str(path) in str(told.value)
    with pytest.raises(DiskFull):
        store.end_reply(reply.id, text, MessageState.DONE)
    assert store.message(reply.id).state is MessageState.WRITING
    assert store.message(question.id).text == question.text
    store._database.run("PRAGMA max_page_count = 1000000")
    assert store.end_reply(reply.id, text, MessageState.DONE).text == text
    assert len(store.search("many words")) == 1
    assert store._database.value("PRAGMA integrity_check") == "ok"


LIMITED = """
import resource, sys
from pathlib import Path
from app.core.errors import DiskFull, StoreUnwritable
from app.core.generation import SamplingOptions
from app.storage.store import Store
store = Store.open(Path(sys.argv[1]))
chat = store.new_conversation()
_, reply = store.add_exchange(chat.id, "Hello", parent=None, model="m", options=SamplingOptions())
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
try:
    store.save_reply(reply.id, "word " * 100_000)
except (DiskFull, StoreUnwritable) as error:
    print(type(error).__name__)
assert store.message(reply.id).text == ""
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.save_reply(reply.id, "word " * 100_000)
assert len(store.message(reply.id).text) == 500_000
assert store._database.value("PRAGMA integrity_check") == "ok"
store.close()
"""


@needs_posix
def test_a_file_that_may_not_grow_is_told_and_work_goes_on_when_it_may(path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "StoreUnwritable"


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this system lets nobody make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full_loses_nothing_and_comes_back(small_disk):
    store = Store.open(small_disk / "chats.db")
    question, reply = ask(store)
    (small_disk / "ballast").write_bytes(bytes(200_000))
    with pytest.raises(DiskFull):
        store.save_reply(reply.id, "word " * 60_000)
    assert store.message(question.id).text == question.text
    (small_disk / "ballast").unlink()
    store.save_reply(reply.id, "word " * 10_000)
    store.end_reply(reply.id, "word " * 100, MessageState.DONE)
    assert store._database.value("PRAGMA integrity_check") == "ok"
    store.close()
    store = Store.open(small_disk / "chats.db")
    assert store.message(reply.id).text == "word " * 100
    store.close()


def test_a_file_another_process_is_writing_is_told_as_unwritable(store, path):
    chat = store.new_conversation()
    store._database.run("PRAGMA busy_timeout = 1")
    other = Database.connect(path)
    with other.writing(), pytest.raises(StoreUnwritable):
        store.rename(chat.id, "mine")
    other.close()
    store.rename(chat.id, "mine")
    assert store.conversation(chat.id).title == "mine"


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnwritable):
        Store.open(tmp_path / "file" / "chats.db")


# being killed

WRITER = """
import sys
from pathlib import Path
from app.core.conversation import MessageState
from app.core.generation import SamplingOptions
from app.storage.store import Store
store = Store.open(Path(sys.argv[1]))
chat = store.new_conversation()
parent = None
for number in range(100_000):
    question, reply = store.add_exchange(
        chat.id, f"question {sys.argv[2]}-{number}", parent=parent, model="m", options=SamplingOptions()
    )
    print(question.text, flush=True)
    text = ""
    for word in range(40):
        text += f"word{word} " * 50
        store.save_reply(reply.id, text)
    parent = store.end_reply(reply.id, text, MessageState.DONE).id
"""


@needs_posix
def test_a_kill_at_any_moment_loses_no_question_and_doubles_nothing(path):
    randomness = random.Random(11)
    asked, interrupted = [], 0
    for run in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with child:
            asked.append(child.stdout.readline().strip())
            time.sleep(randomness.random() * 0.3)  # the moment is what is tested
            child.send_signal(signal.SIGKILL)
            asked += child.stdout.read().split("\n")[:-1]
        store = Store.open(path)
        assert store.opening.damage is None
        assert store.opening.interrupted <= 1
        interrupted += store.opening.interrupted
        database = store._database
        assert database.value("PRAGMA integrity_check") == "ok"
        assert not database.rows("PRAGMA foreign_key_check")
        database.run("INSERT INTO message_words (message_words) VALUES ('integrity-check')")
        found = [row[0] for row in database.rows("SELECT text FROM message WHERE role = 'user' ORDER BY id")]
        assert set(asked) <= set(found)
        assert len(found) == len(set(found))
        assert not database.value(
            "SELECT count(*) FROM message WHERE role = 'assistant' GROUP BY parent HAVING count(*) > 1"
        )
        assert database.value("SELECT count(*) FROM message WHERE state = 'writing'") == 0
        store.close()
    assert interrupted > 0, "no kill came in the middle of a reply"


def test_after_a_crash_the_reply_is_stopped_and_can_be_found(path):
    store = Store.open(path)
    _, reply = ask(store)
    store.save_reply(reply.id, "Because of the embers")
    assert store.search("embers") == []
    store._database._connection.close()  # as a crash does: without closing the store
    store = Store.open(path, is_owner=False)
    assert store.message(reply.id).state is MessageState.WRITING, "another process leaves it alone"
    store.close()
    store = Store.open(path)
    assert store.opening.interrupted == 1
    assert store.message(reply.id).state is MessageState.STOPPED
    assert store.message(reply.id).text == "Because of the embers"
    assert [hit.message for hit in store.search("embers")] == [reply.id]
    store.close()


def test_a_file_closed_well_is_not_checked_again(path, monkeypatch):
    asked = []
    rows = Database.rows
    monkeypatch.setattr(Database, "rows", lambda self, sql, *v: asked.append(sql) or rows(self, sql, *v))
    Store.open(path).close()
    store = Store.open(path)
    assert not [sql for sql in asked if "quick_check" in sql]
    store._database._connection.close()
    Store.open(path).close()
    assert [sql for sql in asked if "quick_check" in sql]


def test_a_file_another_program_holds_is_told_as_locked(tmp_path):
    path = tmp_path / "fireside.db"
    with contextlib.closing(Database.connect(path)) as database:
        database.run("PRAGMA busy_timeout = 1")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreBusy, match="another program has it locked"), database.writing():
                pass
        with database.writing():
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody can take an open file away")
@pytest.mark.parametrize("other", [False, True], ids=["gone", "replaced"])
def test_nothing_is_written_into_a_file_that_was_taken_away_until_it_is_back(tmp_path, other):
    path, away = tmp_path / "fireside.db", tmp_path / "away.db"
    with contextlib.closing(Store.open(path)) as store:
        path.rename(away)
        if other:
            path.write_bytes(b"")
        with pytest.raises(StoreGone, match="moved, deleted or replaced"):
            store.new_conversation()
        away.replace(path)
        kept = store.new_conversation().id
    with contextlib.closing(Store.open(path)) as store:
        assert store.conversation(kept).id == kept
