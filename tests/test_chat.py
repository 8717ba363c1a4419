import threading

import pytest
from desk import Desk

from app.core.conversation import MessageState
from app.core.errors import AppError, EngineFailed
from app.core.generation import FinishReason, Role, SamplingOptions, Usage
from app.core.settings import Settings

REPLY = "It was a dark and stormy night."


def texts(messages):
    return [m.text for m in messages]


def test_the_message_is_stored_before_the_model_starts(qtbot, desk):
    desk.backend.gate = gate = threading.Event()
    desk.chat.send("Hello")
    user, reply = desk.branch()
    assert (user.role, user.text, user.state) == (Role.USER, "Hello", MessageState.DONE)
    assert (reply.role, reply.text, reply.state) == (Role.ASSISTANT, "", MessageState.WRITING)
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        gate.set()


def test_a_reply_is_shown_as_it_comes_and_kept(qtbot, desk):
    desk.chat.new_chat()
    ended = desk.say(qtbot, "Hello")
    assert "".join(text for _, text in desk.all_heard("text_arrived")) == REPLY
    assert desk.branch()[1] == ended
    assert (ended.text, ended.state, ended.finish) == (REPLY, MessageState.DONE, FinishReason.STOP)
    assert ended.model == "Scripted"
    assert ended.stats.reply_tokens == len(desk.backend.pieces)
    assert ended.options == SamplingOptions()
    assert desk.all_heard("message_changed")[-1] == [ended]
    assert desk.all_heard("replying_changed") == [[False], [True], [False]]


def test_the_second_turn_gives_the_model_the_first(qtbot, desk):
    desk.say(qtbot, "One")
    desk.say(qtbot, "Two")
    turns = desk.backend.requests[-1].turns
    assert [(t.role, t.text) for t in turns] == [
        (Role.USER, "One"),
        (Role.ASSISTANT, REPLY),
        (Role.USER, "Two"),
    ]


def test_a_chat_is_titled_by_its_first_message_and_a_title_given_stays(qtbot, desk):
    desk.say(qtbot, "How do tides work? Please explain.")
    chat = desk.chat.conversation_id
    title = desk.store.conversation(chat).title
    assert "tides" in title
    desk.say(qtbot, "And the moon?")
    assert desk.store.conversation(chat).title == title
    desk.chats.rename(chat, "Sea")
    desk.say(qtbot, "Thanks")
    assert desk.store.conversation(chat).title == "Sea"
    assert desk.all_heard("title_changed")[-1] == ["Sea"]


def test_stopping_keeps_the_text_so_far(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 3
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("Hello")
    with qtbot.waitSignal(desk.replies.ended, timeout=5000) as ended:
        desk.chat.stop()
        assert not desk.chat.is_replying  # Send is back at once
    message = ended.args[0]
    assert (message.text, message.state) == ("It was a ", MessageState.STOPPED)
    assert message.finish is FinishReason.CANCELLED


def test_a_reply_stopped_before_it_began_ends(qtbot, desk):
    gate = threading.Event()
    desk.engine.submit(lambda report, cancel: gate.wait(5))
    desk.chat.send("Hello")
    desk.chat.stop()
    with qtbot.waitSignal(desk.replies.ended, timeout=5000) as ended:
        gate.set()
    assert (ended.args[0].text, ended.args[0].state) == ("", MessageState.STOPPED)


def test_after_a_stop_the_next_message_can_be_sent_at_once(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 3
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("Hello")
    desk.chat.stop()
    desk.backend.gate = None
    with qtbot.waitSignals([desk.replies.ended, desk.replies.ended], timeout=5000):
        desk.chat.send("Something else")
    assert texts(desk.branch()) == ["Hello", "It was a ", "Something else", REPLY]


def test_a_stopped_reply_is_continued_where_it_was_cut(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 3
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("Hello")
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.stop()
    desk.backend.gate = None
    desk.backend.pieces = ("dark ", "night.")
    cut = desk.branch()[-1]
    with qtbot.waitSignal(desk.replies.ended, timeout=5000) as ended:
        desk.chat.continue_reply(cut.id)
    assert desk.backend.requests[-1].prefill == "It was a "
    assert texts(desk.backend.requests[-1].turns) == ["Hello"]
    assert (ended.args[0].id, ended.args[0].text) == (cut.id, "It was a dark night.")
    assert len(desk.branch()) == 2


def test_retry_writes_a_sibling_and_both_can_be_shown(qtbot, desk):
    first = desk.say(qtbot, "Hello")
    desk.backend.pieces = ("Another.",)
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.retry(first.id)
    _, second = desk.branch()
    assert (second.text, second.position, second.siblings) == ("Another.", 2, 2)
    desk.chat.choose_sibling(second.sibling_before)
    assert texts(desk.branch()) == ["Hello", REPLY]
    assert texts(desk.all_heard("branch_changed")[-1][0]) == ["Hello", REPLY]


def test_an_edited_message_keeps_the_old_branch(qtbot, desk):
    desk.say(qtbot, "One")
    desk.say(qtbot, "Two")
    desk.backend.pieces = ("New.",)
    first = desk.branch()[0]
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.edit(first.id, "Uno")
    assert texts(desk.branch()) == ["Uno", "New."]
    assert texts(desk.backend.requests[-1].turns) == ["Uno"]
    desk.chat.choose_sibling(desk.branch()[0].sibling_before)
    assert texts(desk.branch()) == ["One", REPLY, "Two", REPLY]


def test_editing_while_a_reply_is_written_stops_that_reply(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 2
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("One")
    desk.backend.gate = None
    with qtbot.waitSignals([desk.replies.ended, desk.replies.ended], timeout=5000):
        desk.chat.edit(desk.branch()[0].id, "Uno")
    assert texts(desk.branch()) == ["Uno", REPLY]
    desk.chat.choose_sibling(desk.branch()[0].sibling_before)
    assert [m.state for m in desk.branch()] == [MessageState.DONE, MessageState.STOPPED]


def test_a_fault_of_the_engine_is_told_in_the_message_and_keeps_the_text(qtbot, desk):
    desk.backend.reply_error, desk.backend.reply_error_at = EngineFailed("llama.cpp could not go on."), 2
    ended = desk.say(qtbot, "Hello")
    assert (ended.text, ended.state) == ("It was ", MessageState.FAILED)
    assert ended.failure == "llama.cpp could not go on."
    assert ended.hint
    assert desk.branch()[-1] == ended


def test_a_bug_in_the_engine_is_told_without_its_words(qtbot, desk):
    desk.backend.reply_error = KeyError("secret")
    ended = desk.say(qtbot, "Hello")
    assert ended.state is MessageState.FAILED
    assert "secret" not in ended.failure
    assert "log" in ended.hint


def test_without_any_model_nothing_is_sent_and_the_text_comes_back(qtbot, store, tmp_path):
    desk = Desk(store, tmp_path, is_loaded=False)
    desk.chat.send("Hello")
    assert desk.all_heard("draft_changed")[-1] == ["Hello"]
    assert desk.told[-1].sentence == "No model is loaded."
    assert desk.chat.conversation_id is None
    desk.close()


def test_a_message_that_cannot_be_saved_comes_back_to_the_composer(qtbot, desk, monkeypatch):
    def full(*_, **__):
        raise AppError("The disk is full.", "Free some space.")

    monkeypatch.setattr(desk.store, "add_exchange", full)
    desk.chat.send("Precious")
    assert desk.all_heard("draft_changed")[-1] == ["Precious"]
    assert desk.told[-1].sentence == "The disk is full."
    assert not desk.chat.is_replying


def test_the_system_prompt_and_options_of_the_chat_reach_the_model(qtbot, desk):
    options = SamplingOptions(temperature=0.0, max_tokens=3)
    desk.chat.set_details("Be brief.", options)
    ended = desk.say(qtbot, "Hello")
    request = desk.backend.requests[-1]
    assert (request.turns[0].role, request.turns[0].text) == (Role.SYSTEM, "Be brief.")
    assert request.options == options
    assert ended.finish is FinishReason.LENGTH
    assert desk.chat.details == ("Be brief.", options)


def test_a_new_chat_begins_with_the_settings_system_prompt(qtbot, desk):
    desk.settings.change("system_prompt", "Speak like a pirate.")
    desk.settings.change("temperature", 0.1)
    desk.say(qtbot, "Hello")
    request = desk.backend.requests[-1]
    assert request.turns[0].text == "Speak like a pirate."
    assert request.options.temperature == 0.1


def test_drafts_stay_with_their_chats(qtbot, desk):
    desk.chat.edit_draft("for later")
    desk.chat.new_chat()
    assert desk.all_heard("draft_changed")[-1] == ["for later"]
    desk.say(qtbot, "One")
    first = desk.chat.conversation_id
    desk.chat.edit_draft("half a thought")
    desk.chat.new_chat()
    assert desk.all_heard("draft_changed")[-1] == [""]
    desk.chat.open(first)
    assert desk.all_heard("draft_changed")[-1] == ["half a thought"]


def test_editing_a_message_leaves_the_draft_in_the_composer_alone(qtbot, desk):
    desk.say(qtbot, "One")
    desk.chat.edit_draft("half a thought")
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.edit(desk.branch()[0].id, "Uno")
    assert desk.store.conversation(desk.chat.conversation_id).draft == "half a thought"
    chat = desk.chat.conversation_id
    desk.chat.new_chat()
    desk.chat.open(chat)
    assert desk.all_heard("draft_changed")[-1] == ["half a thought"]


def test_the_draft_survives_a_first_message_that_could_not_be_stored(desk, monkeypatch):
    def full(*_, **__):
        raise AppError("The disk is full.")

    desk.chat.edit_draft("Precious")
    monkeypatch.setattr(desk.store, "add_exchange", full)
    desk.chat.send("Precious")
    again = Desk(desk.store, desk.folder)
    again.chat.reopen()
    assert again.all_heard("draft_changed")[-1] == ["Precious"]
    again.close()


def test_the_chat_that_was_open_is_open_at_the_next_start(qtbot, desk):
    desk.say(qtbot, "One")
    chat = desk.chat.conversation_id
    again = Desk(desk.store, desk.folder)
    again.chat.reopen()
    assert again.chat.conversation_id == chat
    again.chats.trash(chat)
    assert again.chat.conversation_id is None
    again.chats.undo_trash()
    assert again.chat.conversation_id == chat
    again.close()


def test_another_chat_can_be_read_while_a_reply_is_written(qtbot, desk):
    desk.say(qtbot, "One")
    first = desk.chat.conversation_id
    desk.chat.new_chat()
    desk.backend.gate, desk.backend.gate_at, desk.backend.delay = threading.Event(), 3, 0.05
    desk.chat.send("Two")
    second = desk.chat.conversation_id
    qtbot.waitUntil(lambda: desk.replies.newest(desk.branch()[-1]).text == "It was a ", timeout=5000)
    desk.chat.open(first)
    assert not desk.chat.is_replying
    heard = len(desk.all_heard("text_arrived"))
    desk.chat.open(second)
    assert desk.chat.is_replying
    assert desk.all_heard("opened")[-1][1][-1].text == "It was a "  # newer than what is saved
    desk.chat.open(first)
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.backend.gate.set()
    assert len(desk.all_heard("text_arrived")) == heard
    assert texts(desk.store.branch(second)) == ["Two", REPLY]


def test_a_search_hit_on_another_branch_is_revealed(qtbot, desk):
    first = desk.say(qtbot, "Hello")
    desk.backend.pieces = ("Another.",)
    with qtbot.waitSignal(desk.replies.ended, timeout=5000):
        desk.chat.retry(first.id)
    chat = desk.chat.conversation_id
    desk.chat.new_chat()
    (hit,) = [h for h in desk.store.search("stormy") if h.message is not None]
    desk.chat.open(hit.conversation, hit.message)
    assert desk.chat.conversation_id == chat
    assert texts(desk.branch()) == ["Hello", REPLY]
    assert desk.all_heard("message_revealed") == [[first.id]]


def test_quitting_in_the_middle_of_a_reply_keeps_it(qtbot, store, tmp_path):
    from PySide6.QtCore import QCoreApplication

    desk = Desk(store, tmp_path)
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 4
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("Hello")
    assert desk.engine.close()
    assert desk.files.close()
    QCoreApplication.sendPostedEvents()
    assert desk.branch()[-1].text == "It was a dark "
    assert desk.branch()[-1].state is MessageState.STOPPED


def test_the_meter_counts_the_draft_and_says_when_it_guesses(qtbot, desk):
    def exact():
        usages = [u for (u,) in desk.all_heard("usage_changed") if u.is_exact]
        return usages[-1] if usages else None

    desk.say(qtbot, "Hello")
    desk.chat.edit_draft("four words in draft")
    assert not desk.all_heard("usage_changed")[-1][0].is_exact
    wanted = sum(len(t.split()) + 3 for t in ("Hello", REPLY, "four words in draft"))
    qtbot.waitUntil(lambda: exact() == Usage(wanted, 2048, is_exact=True), timeout=3000)


def test_what_the_model_no_longer_sees_is_said_before_sending(qtbot, store, tmp_path):
    from app.engine.fake import FakeBackend

    desk = Desk(store, tmp_path, FakeBackend(("word " * 40,), n_ctx=256), settings=Settings())
    for text in ("one " * 60, "two " * 60, "three " * 60):
        desk.say(qtbot, text)
    users = [m.id for m in desk.branch() if m.role is Role.USER]
    desk.heard.clear()
    desk.chat.edit_draft("four")
    qtbot.waitUntil(lambda: [users[2]] in desk.all_heard("view_begins_changed"), timeout=3000)
    desk.close()


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing_is_sent_for_an_empty_text(desk, text):
    desk.chat.send(text)
    assert desk.chat.conversation_id is None


def test_a_new_chat_can_be_named_before_its_first_message(desk):
    desk.chat.new_chat()
    desk.chat.edit_draft("half a thought")
    desk.chat.rename("Kettles")
    conversation = desk.store.conversation(desk.chat.conversation_id)
    assert (conversation.title, conversation.draft) == ("Kettles", "half a thought")
    assert desk.all_heard("title_changed")[-1] == ["Kettles"]


def test_a_load_that_waits_for_a_reply_says_nothing_in_it(desk, monkeypatch):
    monkeypatch.setattr(type(desk.chat), "_reply", lambda self: 7)
    desk.models.load_progressed.emit("Other", 0.0)
    assert desk.all_heard("progress_changed") == []
    desk.models.load_progressed.emit("Other", 0.25)
    assert desk.all_heard("progress_changed") == [[7, "Loading Other: 25 %"]]


def test_unloading_stops_the_reply_and_keeps_its_text(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at = threading.Event(), 3
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=5000):
        desk.chat.send("Hello")
    ended, told = [], desk.told
    desk.replies.ended.connect(ended.append)
    with qtbot.waitSignal(desk.models.model_changed, timeout=5000) as changed:
        desk.models.unload()
        assert not desk.chat.is_replying  # Send is back at once
    assert [(m.text, m.state) for m in ended] == [("It was a ", MessageState.STOPPED)]
    assert changed.args == [None]
    assert [notice.sentence for notice in told] == [
        "The reply was stopped to unload the model. Its text is kept."
    ]


def test_unloading_without_a_reply_says_nothing_of_one(qtbot, desk):
    with qtbot.waitSignal(desk.models.model_changed, timeout=5000):
        desk.models.unload()
    assert desk.told == []
