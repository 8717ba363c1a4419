import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_models
from cli_bench import Bench

from app.core.conversation import MessageState
from app.core.errors import EngineFailed, StoreBusy
from app.core.generation import Role, SamplingOptions
from app.storage.store import Store

ROOT = Path(__file__).parent.parent
SAID = "It was a dark and stormy night."


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.add_model()
    return bench


def kept(bench):
    """Every chat: its title and its messages."""
    store = Store.open(bench.places.database, is_owner=False)
    try:
        return [(line.title, store.branch(line.id)) for line in store.conversations()]
    finally:
        store.close()


def test_a_talk_is_kept_with_its_title(bench):
    assert bench.run("chat", typed="Why is the sky blue?\nAnd the sea?\n") == 0
    assert bench.out == f"{SAID}\n{SAID}\n"
    ((title, messages),) = kept(bench)
    assert title == "Why is the sky blue?"
    assert [m.text for m in messages] == ["Why is the sky blue?", SAID, "And the sea?", SAID]
    assert messages[1].state is MessageState.DONE
    assert messages[1].stats.reply_tokens == 7


def test_the_model_hears_what_was_said_before(bench):
    bench.run("chat", "--system", "Be brief.", typed="one\ntwo\n")
    turns = bench.backend.requests[1].turns
    assert [(t.role, t.text) for t in turns] == [
        (Role.SYSTEM, "Be brief."),
        (Role.USER, "one"),
        (Role.ASSISTANT, SAID),
        (Role.USER, "two"),
    ]


def test_a_backslash_goes_on_to_the_next_line(bench):
    bench.run("chat", typed="one\\\ntwo\n")
    assert bench.backend.requests[0].turns[-1].text == "one\ntwo"


def test_new_begins_another_chat(bench):
    bench.run("chat", typed="one\n/new\ntwo\n")
    assert {title for title, _ in kept(bench)} == {"one", "two"}


def test_retry_adds_a_second_reply_to_the_same_message(bench):
    bench.run("chat", typed="one\n/retry\n")
    ((_, messages),) = kept(bench)
    assert len(messages) == 2
    assert (messages[1].position, messages[1].siblings) == (2, 2)


def test_retry_with_nothing_said_is_told(bench):
    assert bench.run("chat", typed="/retry\n") == 0
    assert "nothing" in bench.err


def test_quit_ends_before_the_rest(bench):
    bench.run("chat", typed="/quit\none\n")
    assert bench.backend.requests == []
    assert kept(bench) == []  # an unused chat is not kept


def test_an_unknown_command_is_not_sent(bench):
    bench.run("chat", typed="/dance\n/etc/passwd is what?\n")
    assert "/dance is no command" in bench.err
    assert [r.turns[-1].text for r in bench.backend.requests] == ["/etc/passwd is what?"]


def test_a_failed_reply_is_kept_and_the_talk_goes_on(bench):
    bench.backend.reply_error, bench.backend.reply_error_at = EngineFailed("It broke."), 2
    assert bench.run("chat", typed="one\ntwo\n") == 0
    ((_, messages),) = kept(bench)
    assert (messages[1].state, messages[1].text, messages[1].failure) == (
        MessageState.FAILED,
        "It was ",
        "It broke.",
    )
    assert messages[3].state is MessageState.DONE
    assert "It broke." in bench.err


def test_a_chat_can_be_resumed(bench):
    bench.run("chat", typed="Trains in Japan\n")
    assert bench.run("chat", "--resume", "japan", typed="More?\n") == 0
    ((_, messages),) = kept(bench)
    assert [m.text for m in messages if m.role is Role.USER] == ["Trains in Japan", "More?"]


def test_resuming_an_unknown_chat_is_status_1(bench):
    assert bench.run("chat", "--resume", "nothing", typed="x\n") == 1
    assert bench.backend.loads == []


def test_a_reply_that_a_window_is_writing_is_left_alone(bench):
    bench.run("chat", typed="one\n")
    store = Store.open(bench.places.database)
    chat = store.conversations()[0].id
    store.add_exchange(chat, "two", parent=None, model="", options=SamplingOptions())
    bench.run("chat", typed="three\n")
    assert store.branch(chat)[-1].state is MessageState.WRITING
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="signals are sent another way on Windows")
def test_ctrl_c_stops_the_reply_keeps_its_text_and_goes_on(tmp_path):
    bench = Bench(tmp_path)
    path = small_models.babbler(tmp_path / "b.gguf")
    program = subprocess.Popen(
        [sys.executable, "-m", "app", "chat", "--model", str(path), "--max-tokens", "100000"],
        cwd=ROOT,
        env={**os.environ, "FIRESIDE_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    program.stdin.write("Talk\n")
    program.stdin.flush()
    assert program.stdout.read(1)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate("/quit\n", timeout=30)
    assert program.returncode == 0
    assert re.search("Stopped", err)
    ((_, messages),) = kept(bench)
    assert messages[1].state is MessageState.STOPPED
    assert messages[1].text


def test_a_message_that_cannot_be_kept_is_told_as_not_sent(bench, monkeypatch):
    def refuse(*_given, **_named):
        raise StoreBusy(bench.places.database)

    monkeypatch.setattr(Store, "new_conversation", refuse)
    assert bench.run("chat", typed="Why is the sky blue?\n") == 0
    assert bench.out == ""
    assert bench.err == (
        f"{bench.places.database} cannot be written (another program has it locked),"
        " so the last change is not saved.\n"
        "Close the other program that has this file open, and try again.\n(Your message was not sent.)\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="signals are sent another way on Windows")
def test_a_reply_is_kept_when_the_system_ends_the_program(tmp_path):
    bench = Bench(tmp_path)
    path = small_models.babbler(tmp_path / "b.gguf")
    program = subprocess.Popen(
        [sys.executable, "-m", "app", "chat", "--model", str(path), "--max-tokens", "100000"],
        cwd=ROOT,
        env={**os.environ, "FIRESIDE_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    program.stdin.write("Talk\n")
    program.stdin.flush()
    assert program.stdout.read(1)
    program.send_signal(signal.SIGTERM)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 128 + signal.SIGTERM
    assert err == ""
    ((_, messages),) = kept(bench)
    assert messages[1].state is MessageState.STOPPED
    assert messages[1].text
