"""Chats and their trees of messages."""

import dataclasses

import pytest

from app.core.conversation import MessageState
from app.core.generation import FinishReason, ReplyStats, Role, SamplingOptions
from app.storage.store import Store

OPTIONS = SamplingOptions(temperature=0.1, seed=7, max_tokens=5, stop=("END", "\n"))
STATS = ReplyStats(10, 4, 3, 0.5, 1.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chats.db"


@pytest.fixture
def store(path):
    store = Store.open(path)
    yield store
    store.close()


@pytest.fixture
def chat(store):
    return store.new_conversation().id


def ask(store, chat, text="Why?", parent=None):
    return store.add_exchange(chat, text, parent=parent, model="Small", options=OPTIONS)


def answered(store, chat, text="Why?", reply="Because.", parent=None):
    question, answer = ask(store, chat, text, parent)
    return question, store.end_reply(answer.id, reply, MessageState.DONE, finish=FinishReason.STOP)


def texts(store, chat):
    return [message.text for message in store.branch(chat)]


# chats


def test_a_new_chat_has_what_it_was_given(store):
    made = store.new_conversation(system_prompt="Be brief.", options=OPTIONS, model="/m.gguf")
    assert made == store.conversation(made.id)
    assert (made.system_prompt, made.options, made.model) == ("Be brief.", OPTIONS, "/m.gguf")
    assert (made.title, made.draft, made.leaf, made.trashed) == ("", "", None, None)
    assert not made.is_titled_by_user
    assert not made.is_pinned
    assert made.created == made.updated
    assert store.branch(made.id) == []


def test_everything_survives_closing(store, path, chat):
    _, reply = ask(store, chat)
    ended = store.end_reply(reply.id, "Because.", MessageState.DONE, finish=FinishReason.LENGTH, stats=STATS)
    before = store.branch(chat)
    store.close()
    again = Store.open(path)
    assert again.branch(chat) == before
    assert again.message(reply.id) == ended
    assert ended.stats == STATS
    assert ended.options == OPTIONS
    assert ended.finish is FinishReason.LENGTH
    again.close()


def test_the_list_has_pinned_chats_first_then_the_newest(store):
    ids = [store.new_conversation().id for _ in range(4)]
    for at, id in enumerate(ids):
        store._database.run("UPDATE conversation SET updated = ? WHERE id = ?", 1000 + at, id)
    store.pin(ids[0], True)
    store.trash(ids[2])
    assert [line.id for line in store.conversations()] == [ids[0], ids[3], ids[1]]
    assert store.conversations()[0].is_pinned
    store.pin(ids[0], False)
    assert [line.id for line in store.conversations()] == [ids[3], ids[1], ids[0]]


def test_the_list_is_read_without_the_table(store):
    plan = store._database.rows(
        """
        EXPLAIN QUERY PLAN SELECT id, title, updated, is_pinned FROM conversation WHERE trashed IS NULL
        ORDER BY is_pinned DESC, updated DESC, id DESC
        """
    )
    assert [row["detail"] for row in plan] == ["SCAN conversation USING COVERING INDEX conversation_list"]


def test_a_title_of_the_users_is_not_replaced_by_one_that_is_not(store, chat):
    store.rename(chat, "made up", by_user=False)
    assert not store.conversation(chat).is_titled_by_user
    store.rename(chat, "mine")
    store.rename(chat, "made up again", by_user=False)
    assert store.conversation(chat).title == "mine"
    assert store.conversation(chat).is_titled_by_user


def test_the_trash_keeps_and_gives_back(store, chat):
    answered(store, chat)
    store.trash(chat)
    assert store.conversations() == []
    assert [line.id for line in store.trashed()] == [chat]
    assert store.conversation(chat).trashed is not None
    store.restore(chat)
    assert texts(store, chat) == ["Why?", "Because."]
    assert store.trashed() == []


def test_emptying_the_trash_leaves_the_rest(store, chat):
    answered(store, chat)
    doomed = [store.new_conversation().id for _ in range(3)]
    lost = [answered(store, id)[0].id for id in doomed]
    for id in doomed[:2]:
        store.trash(id)
    assert store.empty_trash() == 2
    assert store.empty_trash() == 0
    assert {line.id for line in store.conversations()} == {chat, doomed[2]}
    with pytest.raises(KeyError):
        store.message(lost[0])
    assert store.message(lost[2]).text == "Why?"


def test_a_long_chat_with_branches_and_a_reply_being_written_can_be_purged(store, chat):
    parent = None
    for number in range(1_200):  # more than SQLite lets a cascade go down
        parent = store._add(chat, parent, Role.USER, MessageState.WRITING, str(number), 1)
    store._open_leaf(chat, parent)
    ask(store, chat)
    assert len(store.branch(chat)) == 2
    store.purge(chat)
    assert store._database.value("SELECT count(*) FROM message") == 0
    new = store.new_conversation()
    assert new.id > chat, "an id is never used twice"


def test_chats_can_be_changed(store, chat):
    store.set_system_prompt(chat, "Be brief.")
    store.set_options(chat, OPTIONS)
    store.set_model(chat, "/m.gguf")
    store.save_draft(chat, "half")
    changed = store.conversation(chat)
    assert (changed.system_prompt, changed.options, changed.model) == ("Be brief.", OPTIONS, "/m.gguf")
    assert changed.draft == "half"
    store.set_options(chat, None)
    assert store.conversation(chat).options is None


def test_what_is_unknown_is_a_key_error(store, chat):
    wishes = [
        lambda: store.conversation(99),
        lambda: store.branch(99),
        lambda: store.rename(99, "x"),
        lambda: store.pin(99, True),
        lambda: store.trash(99),
        lambda: store.purge(99),
        lambda: store.save_draft(99, "x"),
        lambda: store.message(99),
        lambda: store.save_reply(99, "x"),
        lambda: store.end_reply(99, "x", MessageState.DONE),
        lambda: store.reopen_reply(99),
        lambda: store.choose_sibling(99),
        lambda: store.pin_message(99, True),
        lambda: store.add_reply(99, model="", options=OPTIONS),
        lambda: ask(store, 99),
        lambda: ask(store, chat, parent=99),
    ]
    for wish in wishes:
        with pytest.raises(KeyError):
            wish()


# messages


def test_an_exchange_is_the_question_and_an_empty_reply_and_clears_the_draft(store, chat):
    store.save_draft(chat, "Why?")
    before = store.conversation(chat)
    question, reply = ask(store, chat)
    assert (question.role, question.state, question.text) == (Role.USER, MessageState.DONE, "Why?")
    assert (reply.role, reply.state, reply.text) == (Role.ASSISTANT, MessageState.WRITING, "")
    assert (reply.parent, reply.model, reply.options) == (question.id, "Small", OPTIONS)
    after = store.conversation(chat)
    assert (after.leaf, after.draft) == (reply.id, "")
    assert after.updated >= before.updated
    assert store.branch(chat) == [question, reply]


def test_a_parent_of_another_chat_is_refused(store, chat):
    question, _ = answered(store, store.new_conversation().id)
    with pytest.raises(KeyError):
        ask(store, chat, parent=question.id)


def test_a_reply_is_kept_while_it_is_written(store, chat):
    _, reply = ask(store, chat)
    store.save_reply(reply.id, "Beca")
    store.save_reply(reply.id, "Because")
    assert store.message(reply.id).text == "Because"
    assert store.message(reply.id).state is MessageState.WRITING


def test_a_late_save_does_not_touch_a_reply_that_has_ended(store, chat):
    _, reply = answered(store, chat)
    store.save_reply(reply.id, "Beca")
    assert store.message(reply.id).text == "Because."


def test_a_failed_reply_keeps_its_text_and_says_why_and_can_be_continued(store, chat):
    _, reply = ask(store, chat)
    failed = store.end_reply(
        reply.id, "Bec", MessageState.FAILED, failure="No memory.", hint="Try.", model="Big"
    )
    assert (failed.text, failed.failure, failed.hint, failed.model) == ("Bec", "No memory.", "Try.", "Big")
    store.reopen_reply(reply.id)
    again = store.message(reply.id)
    assert (again.state, again.text, again.failure, again.hint) == (MessageState.WRITING, "Bec", "", "")
    assert again.model == "Big"
    with pytest.raises(ValueError, match="does not end"):
        store.end_reply(reply.id, "", MessageState.WRITING)


def test_retrying_adds_a_sibling_and_choosing_goes_back(store, chat):
    question, first = answered(store, chat)
    second = store.add_reply(question.id, model="Big", options=OPTIONS)
    third = store.add_reply(question.id, model="Big", options=OPTIONS)
    assert store.conversation(chat).leaf == third.id
    middle = store.message(second.id)
    assert (middle.position, middle.siblings) == (2, 3)
    assert (middle.sibling_before, middle.sibling_after) == (first.id, third.id)
    store.choose_sibling(first.id)
    chosen = store.branch(chat)[-1]
    assert (chosen.id, chosen.position, chosen.sibling_before) == (first.id, 1, None)


def test_editing_the_first_message_is_a_branch_of_its_own(store, chat):
    answered(store, chat, "first")
    other = store.new_conversation().id
    answered(store, other, "elsewhere")
    edited, _ = answered(store, chat, "second")
    assert texts(store, chat) == ["second", "Because."]
    assert (store.branch(chat)[0].position, store.branch(chat)[0].siblings) == (2, 2)
    store.choose_sibling(edited.sibling_before)
    assert texts(store, chat) == ["first", "Because."]


def test_choosing_opens_the_leaf_that_was_open_last(store, chat):
    question, reply = answered(store, chat, "one", "A")
    _, deep_a = answered(store, chat, "two a", "A1", parent=reply.id)
    two_b, _ = answered(store, chat, "two b", "B1", parent=reply.id)
    store.choose_sibling(store.message(deep_a.id).parent)
    assert texts(store, chat)[-1] == "A1"
    store.add_reply(question.id, model="", options=OPTIONS)
    store.choose_sibling(reply.id)
    assert texts(store, chat) == ["one", "A", "two a", "A1"], "not the newest but the last visited"
    store.choose_sibling(two_b.id)
    assert texts(store, chat)[-1] == "B1"


def test_a_message_can_be_pinned(store, chat):
    question, _ = answered(store, chat)
    store.pin_message(question.id, True)
    assert store.branch(chat)[0].pinned
    store.pin_message(question.id, False)
    assert not store.branch(chat)[0].pinned


@pytest.mark.parametrize(
    "text", ["", "a\0b", "🔥" * 9, "\r\n\t ", "half \ud83d character", "e\u0301", "火" * 9999]
)
def test_any_text_is_kept_as_it_is(store, chat, text):
    question, reply = ask(store, chat, text)
    ended = store.end_reply(reply.id, text, MessageState.DONE)
    kept = text.replace("\ud83d", "�")
    assert (question.text, ended.text) == (kept, kept)
    assert store.branch(chat)[1].text == kept


def test_options_of_other_versions_are_read_as_far_as_they_fit(store, chat):
    store._database.run(
        "UPDATE conversation SET options = ? WHERE id = ?",
        *('{"temperature": 1, "top_k": "many", "mood": 3, "seed": null, "stop": ["x"], "min_p": true}', chat),
    )
    assert store.conversation(chat).options == dataclasses.replace(
        SamplingOptions(), temperature=1, stop=("x",)
    )
    for unusable in ("[]", "{", ""):
        store._database.run("UPDATE conversation SET options = ? WHERE id = ?", unusable, chat)
        assert store.conversation(chat).options is None


# models and facts


def test_models_added_in_place_are_remembered_and_forgotten(store):
    for path in ("/b.gguf", "/a.gguf", "/b.gguf"):
        store.add_model_path(path)
    store.note_model_used("/library/c.gguf")
    assert store.model_paths() == ["/b.gguf", "/a.gguf"]
    store.forget_model_path("/b.gguf")
    assert store.model_paths() == ["/a.gguf"]


def test_the_model_used_last_is_remembered(store):
    assert store.last_model() == ""
    for path in ("/a.gguf", "/b.gguf", "/a.gguf"):
        store.note_model_used(path)
    assert store.last_model() == "/a.gguf"


def test_facts_are_remembered(store):
    assert store.state("window") == ""
    store.set_state("window", "1")
    store.set_state("window", "2")
    assert store.state("window") == "2"


@pytest.mark.parametrize(("said", "year"), [(10**17, 9998), (-(10**17), 1970), (0, 1970)])
def test_a_clock_gone_mad_keeps_no_chat_from_being_shown(tmp_path, monkeypatch, said, year):
    monkeypatch.setattr("time.time_ns", lambda: said * 1_000_000)
    store = Store.open(tmp_path / "fireside.db")
    store.new_conversation()
    assert [line.updated.year for line in store.conversations()] == [year]
    store.close()
