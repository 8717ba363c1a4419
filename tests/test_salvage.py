"""Damaged files: whatever happens to the file, the store opens, and what can be read is there."""

import contextlib
import os
import random
import sqlite3
import stat

import pytest

from app.core.conversation import MessageState
from app.core.errors import StoreDamaged
from app.core.generation import Role, SamplingOptions
from app.storage import opening, pages, salvage
from app.storage.database import read_only
from app.storage.opening import check_file
from app.storage.store import Store

CHATS, TURNS = 12, 10
LONG = "A long reply goes over many pages of the file. " * 400


def fill(path):
    store = Store.open(path)
    for number in range(CHATS):
        chat = store.new_conversation(system_prompt="Be brief.")
        store.rename(chat.id, f"Chat {number}")
        parent = None
        for turn in range(TURNS):
            _, reply = store.add_exchange(
                chat.id, question(number, turn), parent=parent, model="m", options=SamplingOptions()
            )
            text = LONG if turn == 3 else f"Reply {number}-{turn} 火边聊天。"
            parent = store.end_reply(reply.id, text, MessageState.DONE).id
    store.add_model_path("/models/small.gguf")
    store.close()


def question(number, turn):
    return f"Question {number}-{turn}: why is fire warm? " * 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "chats.db"
    fill(path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, whole):
    path = tmp_path / "chats.db"
    path.write_bytes(whole)
    return path


def texts(path):
    with sqlite3.connect(path) as connection:
        found = {row[0] for row in connection.execute("SELECT text FROM message")}
    connection.close()
    return found


def questions_in(path):
    return {question(n, t) for n in range(CHATS) for t in range(TURNS)} & texts(path)


def mark_as_crashed(path):
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO fact VALUES (?, '1')", (opening._IN_USE,))
    connection.close()


def page_of_type(data, kind, skip=0):
    """Numbers from 0 of the file's pages with that type byte, page 1 left out."""
    return [n for n in range(1, len(data) // 4096) if data[n * 4096] == kind][skip:]


def overwrite(path, *numbers, filling=b"\xa5"):
    data = bytearray(path.read_bytes())
    for number in numbers:
        data[number * 4096 : (number + 1) * 4096] = filling * 4096
    path.write_bytes(bytes(data))


def works(store):
    chat = store.new_conversation()
    question, reply = store.add_exchange(chat.id, "zebra", parent=None, model="m", options=SamplingOptions())
    store.end_reply(reply.id, "yes", MessageState.DONE)
    assert [m.text for m in store.branch(chat.id)] == ["zebra", "yes"]
    assert store.search("zebra")[0].message == question.id
    for line in store.conversations():
        store.branch(line.id)
    assert store._database.value("PRAGMA integrity_check") == "ok"
    assert not store._database.rows("PRAGMA foreign_key_check")
    store.close()
    return True


def test_a_whole_file_is_not_touched(path):
    store = Store.open(path)
    assert store.opening.damage is None
    store.close()
    assert [p.name for p in path.parent.iterdir()] == ["chats.db"]


@pytest.mark.parametrize("seed", range(6))
def test_overwritten_pages_cost_only_what_stood_in_them(path, seed):
    mark_as_crashed(path)
    randomness = random.Random(seed)
    count = len(path.read_bytes()) // 4096
    data = bytearray(path.read_bytes())
    for number in randomness.sample(range(1, count), 6):
        data[number * 4096 : (number + 1) * 4096] = randomness.randbytes(4096)
    path.write_bytes(bytes(data))
    damaged = path.read_bytes()

    store = Store.open(path)

    damage = store.opening.damage
    assert damage is not None
    assert damage.set_aside.read_bytes() == damaged
    assert str(damage.set_aside) in damage.hint
    assert str(path) in damage.hint
    assert works(store)
    assert len(questions_in(path)) >= CHATS * TURNS * 0.6
    assert damage.recovered_messages >= CHATS * TURNS * 2 * 0.6


@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
def test_a_destroyed_first_page_loses_no_message(path, filling):
    before = texts(path)
    overwrite(path, 0, filling=filling)
    store = Store.open(path)
    assert store.opening.damage.recovered_messages == CHATS * TURNS * 2
    assert store.opening.damage.recovered_conversations == CHATS
    assert {line.title for line in store.conversations()} == {f"Chat {n}" for n in range(CHATS)}
    assert store.model_paths() == ["/models/small.gguf"]
    assert works(store)
    assert before <= texts(path)


def test_branches_are_the_same_after_salvage(path):
    store = Store.open(path)
    before = {line.id: store.branch(line.id) for line in store.conversations()}
    store.close()
    overwrite(path, 0)
    store = Store.open(path)
    assert {line.id: store.branch(line.id) for line in store.conversations()} == before
    store.close()


def test_a_zeroed_header_loses_nothing(path):
    before = texts(path)
    data = bytearray(path.read_bytes())
    data[:100] = bytes(100)
    path.write_bytes(bytes(data))
    store = Store.open(path)
    assert store.opening.damage.recovered_messages == CHATS * TURNS * 2
    assert works(store)
    assert before <= texts(path)


@pytest.mark.parametrize(("share", "least"), [(0.9, 180), (0.5, 60), (0.1, 0), (0.0001, 0)])
def test_a_truncated_file_keeps_what_is_left(path, share, least):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    store = Store.open(path)
    assert store.opening.damage.recovered_messages >= least
    assert works(store)


@pytest.mark.parametrize("garbage", [b"no database at all" * 999, b"x", bytes(8192)])
def test_garbage_is_set_aside_and_an_empty_store_begins(path, garbage):
    path.write_bytes(garbage)
    store = Store.open(path)
    assert store.opening.damage.recovered_messages == 0
    assert store.opening.damage.set_aside.read_bytes() == garbage
    assert works(store)


def test_another_programs_database_is_set_aside(path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipe (text)")
    connection.close()
    store = Store.open(path)
    assert store.opening.damage is not None
    assert works(store)


def test_an_empty_file_is_a_new_store(path):
    path.write_bytes(b"")
    store = Store.open(path)
    assert store.opening.damage is None
    assert works(store)


def test_a_folder_in_the_files_place_is_set_aside(tmp_path):
    path = tmp_path / "chats.db"
    path.mkdir()
    (path / "mine.txt").write_text("kept")
    store = Store.open(path)
    assert (store.opening.damage.set_aside / "mine.txt").read_text() == "kept"
    assert works(store)


def test_a_lost_file_is_recovered_from_its_log(path):
    store = Store.open(path)
    chat = store.new_conversation()
    store.add_exchange(chat.id, "only in the log", parent=None, model="m", options=SamplingOptions())
    log = path.with_name("chats.db-wal").read_bytes()
    store.close()
    path.unlink()
    path.with_name("chats.db-wal").write_bytes(log)
    store = Store.open(path)
    assert store.search("only in the log")
    assert store.opening.damage is not None
    assert works(store)


def test_a_text_outlives_its_chat_and_its_parent(path):
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM conversation WHERE id = 3")
    lost = connection.execute("SELECT id FROM message WHERE conversation = 5 ORDER BY id").fetchall()[4][0]
    connection.execute("DELETE FROM message WHERE id = ?", (lost,))
    connection.commit()
    connection.close()
    overwrite(path, 0)
    store = Store.open(path)
    assert len(store.branch(3)) == TURNS * 2
    assert store.conversation(3).title == "Recovered chat"
    assert store.search("Recovered chat")[0].conversation == 3
    branch = store.branch(5)
    assert len(branch) == TURNS * 2 - 2, "the lost one's question is a branch of its own now"
    assert branch[-1].text.startswith("Reply 4-9")
    assert works(store)


def test_a_reply_cut_off_by_the_damage_keeps_its_beginning(path):
    data = path.read_bytes()
    start = data.index(LONG[:300].encode())
    overflow = next(
        n
        for n in range(start // 4096 + 1, len(data) // 4096)
        if LONG[:40].encode()[:20] in data[n * 4096 : n * 4096 + 4096] and data[n * 4096] == 0
    )
    overwrite(path, 0, overflow)
    store = Store.open(path)
    assert store.opening.damage.recovered_messages == CHATS * TURNS * 2
    assert works(store)


def test_a_salvage_that_was_interrupted_before_the_last_rename_is_finished(path):
    store = Store.open(path)
    store.close()
    os.replace(path, path.with_name("chats-recovered.db"))
    path.with_name("chats.db-wal").write_bytes(b"log of the damaged file")
    store = Store.open(path)
    assert len(store.conversations()) == CHATS
    assert list(path.parent.glob("chats-damaged-*.db-wal"))
    assert works(store)


def test_a_second_process_mends_nothing(path):
    overwrite(path, 0)
    damaged = path.read_bytes()
    with pytest.raises(StoreDamaged):
        Store.open(path, is_owner=False)
    assert path.read_bytes() == damaged


def test_damage_met_at_work_is_mended_at_the_next_start(path):
    store = Store.open(path)
    leaves = page_of_type(path.read_bytes(), 0x0D)
    overwrite(path, *leaves)
    store._database.run("PRAGMA shrink_memory")
    with pytest.raises(StoreDamaged):
        [store.branch(id) for id in range(1, CHATS + 1)]
    store.close()
    store = Store.open(path)
    assert store.opening.damage is not None
    assert works(store)


def test_a_recovered_file_is_private(path):
    overwrite(path, 0)
    store = Store.open(path)
    store.close()
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.glob("chats.db*")} == {0o600}


def test_check_file_finds_damage_and_leaves_a_whole_file_alone(path):
    assert check_file(path) == ""
    assert check_file(path.with_name("missing.db")) == ""
    overwrite(path, *page_of_type(path.read_bytes(), 0x0D)[:3])
    assert check_file(path)


def test_pages_give_the_same_rows_as_sqlite(path):
    connection = sqlite3.connect(path)
    expected = {row[0]: row[18] for row in connection.execute("SELECT * FROM message")}
    connection.close()
    found = {
        rowid: values[18]
        for rowid, values in pages.rows(path)
        if len(values) == 19 and values[3] in set(Role)
    }
    assert found == expected


def test_sqlite_is_asked_again_behind_a_place_it_cannot_read(path):
    data = path.read_bytes()
    lost = next(n for n in page_of_type(data, 0x0D) if question(5, 5).encode() in data[n * 4096 :][:4096])
    overwrite(path, lost)
    with contextlib.closing(read_only(path)) as connection:
        found = {row["id"] for row in salvage._asked(connection, "message")}
    assert {1, 2, CHATS * TURNS * 2} <= found
    assert 0 < CHATS * TURNS * 2 - len(found) < 40
