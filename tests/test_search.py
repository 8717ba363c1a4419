"""Searching: what is found, in which order, and where the words stand in the line shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.conversation import MessageState
from app.core.generation import SamplingOptions
from app.storage.store import Store
from app.storage.words import Query, cut

OPTIONS = SamplingOptions()


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "chats.db")
    yield store
    store.close()


def say(store, text, title=""):
    chat = store.new_conversation()
    if title:
        store.rename(chat.id, title)
    question, _ = store.add_exchange(chat.id, text, parent=None, model="m", options=OPTIONS)
    return question


def shown(hit):
    return [hit.snippet[start:end] for start, end in hit.spans]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("篝火", ["篝火"]),
        ("火", ["火"]),
        ("边", ["边"]),
        ("火边聊天", ["火边聊天"]),
        ("今晚", ["今晚"]),
        ("晚在", ["晚在"]),
        ("天", ["天"]),
        ("GPU", ["GPU"]),
        ("gpu加速", ["GPU加速"]),
        ("速very", ["速very"]),
        ("聊天 gpu", ["聊天", "GPU"]),
        ("ver", ["ver"]),
        ("fast ver", ["very", "fast"]),
        ("save_re", ["save_re"]),
        ("カナ", ["カナ"]),
        ("한국", ["한국"]),
    ],
)
def test_words_of_every_script_are_found_and_shown(store, query, words):
    text = "今晚在篝火边聊天，火边聊天！GPU加速very fast: save_reply カタカナ 한국어"
    question = say(store, text)
    hits = store.search(query)
    assert [hit.message for hit in hits] == [question.id]
    found = shown(hits[0])
    assert set(found) >= ({"ver"} if query == "fast ver" else set(words)) & set(found)
    assert found, "the hit is marked"
    assert all(word.casefold() in text.casefold() for word in found)
    if query != "fast ver":
        assert set(words) <= set(found)


@pytest.mark.parametrize("query", ["聊火", "火天", "very save", "ast", "eply", "晚天", "天火"])
def test_what_does_not_stand_there_is_not_found(store, query):
    say(store, "今晚在篝火边聊天。GPU加速very fast save_reply")
    if query == "very save":
        assert store.search(query), "all words, in any place"
    else:
        assert store.search(query) == []


def test_all_words_must_be_in_the_same_message(store):
    say(store, "alpha only")
    both = say(store, "beta and alpha")
    assert [hit.message for hit in store.search("alpha beta")] == [both.id]


def test_only_the_last_word_is_a_beginning(store):
    say(store, "alphabet soup")
    assert store.search("alpha")
    assert store.search("alphabet so")
    assert store.search("alpha soup") == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ein schöner Café", "SCHONER CAFE"),
        ("decomposed cafe\u0301 here", "café"),
        ("ΑΘΗΝΑ", "αθηνα"),
        ("ПРИВЕТ", "привет"),
        ("naive", "naïve"),
    ],
)
def test_accents_and_capitals_do_not_matter(store, text, query):
    say(store, text)
    (hit,) = store.search(query)
    assert hit.spans


def test_titles_come_first_then_messages_newest_first(store):
    first = say(store, "ember one")
    second = say(store, "ember two")
    titled = say(store, "nothing", title="Embers")
    hits = store.search("ember")
    assert [(h.conversation, h.message) for h in hits] == [
        (titled.conversation, None),
        (second.conversation, second.id),
        (first.conversation, first.id),
    ]
    assert hits[0].snippet == hits[0].title == "Embers"
    assert shown(hits[0]) == ["Ember"]
    assert [h.message for h in store.search("ember", limit=2)] == [None, second.id]
    assert store.search("ember", limit=0) == []


def test_a_new_title_is_found_and_the_old_one_is_not(store):
    question = say(store, "x", title="Old name")
    store.rename(question.conversation, "Fresh name")
    assert store.search("old") == []
    assert store.search("fresh")
    store.rename(question.conversation, "")
    assert store.search("fresh") == []


def test_the_trash_is_not_searched(store):
    question = say(store, "ember", title="Ember")
    store.trash(question.conversation)
    assert store.search("ember") == []
    store.restore(question.conversation)
    assert len(store.search("ember")) == 2
    store.purge(question.conversation)
    assert store.search("ember") == []


def test_purged_words_are_gone_from_the_file(store):
    keep = say(store, "keepsake")
    question = say(store, "xylophone 秘密", title="Zanzibar")
    store.trash(question.conversation)
    assert store.empty_trash() == 1
    while store.tidy():
        pass
    written = b"".join(p.read_bytes() for p in store._database.path.parent.iterdir())
    assert b"keepsake" in written
    for word in ("xylophone", "xylo", "秘密", "Zanzibar", "zanzibar"):
        assert word.encode() not in written
    assert [hit.message for hit in store.search("keepsake")] == [keep.id]


def test_purging_in_a_large_index_takes_small_slices_and_ends(store):
    for number in range(300):
        say(store, " ".join(f"word{(number * 7919 + n * 104729) % 50_000}" for n in range(200)))
    say(store, "keepsake")
    question = say(store, "xylophone")
    store.purge(question.conversation)
    assert store.search("xylophone") == []
    slices = 0
    while store.tidy():
        slices += 1
    assert slices > 1
    assert not store.tidy()
    written = b"".join(p.read_bytes() for p in store._database.path.parent.iterdir())
    assert b"xylophone" not in written
    assert len(store.search("keepsake")) == 1


def test_what_was_left_of_a_purge_is_done_at_the_next_start(store):
    path = store._database.path
    question = say(store, "xylophone")
    say(store, "keepsake")
    store.purge(question.conversation)
    store.close()
    again = Store.open(path)
    while again.tidy():
        pass
    again.close()
    assert b"xylophone" not in path.read_bytes()


def test_a_reply_is_found_when_it_has_ended_and_by_its_last_words(store):
    chat = store.new_conversation()
    _, reply = store.add_exchange(chat.id, "hello", parent=None, model="m", options=OPTIONS)
    store.save_reply(reply.id, "first ember")
    assert store.search("ember") == []
    store.end_reply(reply.id, "first ember", MessageState.STOPPED)
    assert store.search("ember")
    store.reopen_reply(reply.id)
    assert store.search("ember") == []
    store.save_reply(reply.id, "first spark")
    store.end_reply(reply.id, "first spark glows", MessageState.DONE)
    store.end_reply(reply.id, "first spark glowed", MessageState.DONE)
    assert store.search("ember") == []
    assert store.search("glows") == []
    assert [hit.message for hit in store.search("glowed")] == [reply.id]
    store._database.run("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def test_the_snippet_is_one_line_around_the_hit(store):
    say(store, "Beginning.\n\n" + "filler text\n" * 300 + "the\tember\n\nglows " + "more filler " * 300)
    (hit,) = store.search("ember")
    assert "\n" not in hit.snippet
    assert "\t" not in hit.snippet
    assert shown(hit) == ["ember"]
    assert len(hit.snippet) <= 150
    assert hit.snippet.startswith("… ")
    assert hit.snippet.endswith(" …")


SYNTAX = [
    '"',
    '"a',
    "AND",
    "a AND",
    "NOT a",
    "a*",
    "*",
    "(",
    ")",
    "a(b",
    "NEAR(a b)",
    "words:a",
    "^a",
    "-a",
    "a-b",
]
SYNTAX += ["{a}", "a + b", "'", "''", "\\", "a\0b", "", " ", "???", "😀", "\ud800", "a " * 5000, "火" * 3000]


@pytest.mark.parametrize("query", SYNTAX)
def test_nothing_typed_is_an_error(store, query):
    say(store, "a b AND near not words 火")
    store.search(query)


def test_words_of_the_query_language_are_words(store):
    say(store, "this OR that")
    assert store.search("or that")
    assert store.search("this OR missing") == []


LETTERS = st.text(alphabet="ab cé火边聊天_-.,(\"'*\n한カ9", max_size=30)


@settings(max_examples=150, deadline=None)
@given(text=LETTERS, start=st.integers(0, 30), length=st.integers(1, 6))
def test_any_stretch_of_chinese_in_a_text_is_found(text, start, length):
    import sqlite3

    stretch = text[start : start + length]
    if not stretch or any(c not in "火边聊天" for c in stretch):
        return
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5 (w, tokenize='unicode61 remove_diacritics 2')")
        connection.execute("INSERT INTO t VALUES (?)", (cut(text),))
        query = Query.of(stretch)
        assert connection.execute("SELECT 1 FROM t WHERE t MATCH ?", (query.expression(),)).fetchone()
        line, spans = query.snippet(text)
        assert stretch in [line[a:b] for a, b in spans]
    connection.close()


@settings(max_examples=150, deadline=None)
@given(typed=st.text(max_size=40))
def test_any_query_can_be_asked(typed):
    import sqlite3

    query = Query.of(typed.encode("utf-8", "replace").decode())
    query.snippet("some text 火边")
    if query.words:
        with sqlite3.connect(":memory:") as connection:
            connection.execute("CREATE VIRTUAL TABLE t USING fts5 (w)")
            connection.execute("SELECT 1 FROM t WHERE t MATCH ?", (query.expression(),)).fetchone()
        connection.close()
