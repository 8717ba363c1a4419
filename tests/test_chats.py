import json

import pytest

from app.core.generation import SamplingOptions
from app.core.notices import NoticeAction


@pytest.fixture
def heard(desk):
    """The lists the controller told, the newest last."""
    heard = {"listed": [], "found": [], "trash_listed": []}
    desk.chats.listed.connect(heard["listed"].append)
    desk.chats.found.connect(lambda query, hits: heard["found"].append((query, hits)))
    desk.chats.trash_listed.connect(heard["trash_listed"].append)
    return heard


def chat(desk, title, *said):
    conversation = desk.store.new_conversation().id
    desk.store.rename(conversation, title)
    parent = None
    for text in said:
        _, reply = desk.store.add_exchange(
            conversation, text, parent=parent, model="M", options=SamplingOptions()
        )
        parent = reply.id
    return conversation


def titles(lines):
    return [line.title for line in lines]


def test_a_chat_is_trashed_told_and_brought_back(desk, heard):
    first = chat(desk, "First")
    desk.chats.trash(first)
    assert titles(heard["listed"][-1]) == []
    assert titles(heard["trash_listed"][-1]) == ["First"]
    assert desk.told[-1].action is NoticeAction.UNDO_TRASH
    desk.notices.act(NoticeAction.UNDO_TRASH)
    assert titles(heard["listed"][-1]) == ["First"]
    assert heard["trash_listed"][-1] == []


def test_undo_brings_back_one_after_the_other(desk, heard):
    for title in ("A", "B"):
        desk.chats.trash(chat(desk, title))
    desk.chats.undo_trash()
    assert titles(heard["listed"][-1]) == ["B"]
    desk.chats.undo_trash()
    assert sorted(titles(heard["listed"][-1])) == ["A", "B"]
    desk.chats.undo_trash()  # nothing left: nothing happens


def test_what_was_deleted_for_good_cannot_be_undone(desk, heard):
    first = chat(desk, "First")
    desk.chats.trash(first)
    desk.chats.purge(first)
    desk.chats.undo_trash()
    assert heard["trash_listed"][-1] == []
    with pytest.raises(KeyError):
        desk.store.conversation(first)


def test_the_words_of_a_deleted_chat_leave_the_file(qtbot, desk):
    first = chat(desk, "Zanzibar")
    desk.chats.trash(first)
    desk.chats.purge(first)
    path = desk.store._database.path
    qtbot.waitUntil(lambda: not desk.chats._tidying.isActive(), timeout=5000)
    assert b"anzibar" not in b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_emptying_the_trash_leaves_the_other_chats(desk, heard):
    desk.chats.trash(chat(desk, "Old"))
    chat(desk, "Kept")
    desk.chats.empty_trash()
    assert desk.store.trashed() == []
    assert titles(heard["listed"][-1]) == ["Kept"]


def test_a_pinned_chat_comes_first(desk, heard):
    first = chat(desk, "First")
    chat(desk, "Second")
    desk.chats.pin(first, True)
    assert titles(heard["listed"][-1]) == ["First", "Second"]
    desk.chats.pin(first, False)
    assert titles(heard["listed"][-1]) == ["Second", "First"]


def test_an_empty_title_changes_nothing(desk, heard):
    first = chat(desk, "First")
    desk.chats.rename(first, "   ")
    assert titles(heard["listed"][-1]) == ["First"]
    desk.chats.rename(first, " Two \n words ")
    assert titles(heard["listed"][-1]) == ["Two words"]


def test_a_search_finds_messages_and_ends_when_it_is_emptied(desk, heard):
    chat(desk, "Sea", "How do 潮汐 work?")
    desk.chats.search("潮汐")
    query, hits = heard["found"][-1]
    assert query == "潮汐"
    assert "潮汐" in hits[0].snippet
    desk.chats.search("")
    assert heard["found"][-1] == ("", [])


def test_a_chat_is_exported_as_markdown_and_as_json(desk, tmp_path):
    first = chat(desk, "Sea", "Tell me of tides")
    desk.chats.export(first, str(tmp_path / "chat.md"))
    assert "Tell me of tides" in (tmp_path / "chat.md").read_text(encoding="utf-8")
    desk.chats.export(first, str(tmp_path / "chat.json"))
    assert "Tell me of tides" in json.dumps(json.loads((tmp_path / "chat.json").read_text(encoding="utf-8")))


def test_an_export_that_cannot_be_written_is_told(desk, tmp_path):
    first = chat(desk, "Sea", "Tell me of tides")
    desk.chats.export(first, str(tmp_path / "nowhere" / "chat.md"))
    assert "could not be written" in desk.told[-1].sentence


def test_exporting_as_json_keeps_every_branch(qtbot, desk, tmp_path):
    first = desk.say(qtbot, "Hello")
    desk.backend.pieces = ("Another.",)
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.retry(first.id)
    desk.chats.export(desk.chat.conversation_id, str(tmp_path / "chat.json"))
    text = (tmp_path / "chat.json").read_text(encoding="utf-8")
    assert "Another." in text
    assert "stormy" in text
