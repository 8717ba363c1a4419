import datetime
import json

import pytest

from app.core.conversation import Conversation, Message, MessageState
from app.core.export import to_json, to_markdown
from app.core.generation import FinishReason, ReplyStats, Role, SamplingOptions

WHEN = datetime.datetime(2026, 9, 1, 12, 30, 5, tzinfo=datetime.UTC)


def conversation(**changes):
    facts = {
        "id": 7,
        "title": "Trip to Bern",
        "is_titled_by_user": True,
        "created": WHEN,
        "updated": WHEN,
        "is_pinned": False,
        "trashed": None,
        "leaf": 2,
        "system_prompt": "",
        "options": None,
        "draft": "",
        "model": "/m/a.gguf",
    }
    return Conversation(**(facts | changes))


def message(id, role, text, state=MessageState.DONE, **facts):
    return Message(id, 7, id - 1 or None, role, text, state, WHEN, **facts)


ASKED = message(1, Role.USER, "Where is Bern?")
REPLY = message(
    2,
    Role.ASSISTANT,
    "In Switzerland 😀.",
    model="Tiny Q4_0",
    options=SamplingOptions(temperature=0.5, stop=("x",)),
    stats=ReplyStats(10, 4, 3, 0.5, 1.5),
    finish=FinishReason.STOP,
)


def test_markdown_reads_like_the_chat():
    assert to_markdown(conversation(), [ASKED, REPLY]) == (
        "# Trip to Bern\n\n*2026-09-01 12:30 UTC*\n\n"
        "## You\n\nWhere is Bern?\n\n## Tiny Q4_0\n\nIn Switzerland 😀.\n"
    )


def test_markdown_has_the_system_prompt():
    assert "## System prompt\n\nBe brief." in to_markdown(conversation(system_prompt="Be brief."), [])


@pytest.mark.parametrize(
    ("state", "facts", "remark"),
    [
        (MessageState.STOPPED, {}, "*Stopped.*"),
        (MessageState.FAILED, {"failure": "Out of\nmemory."}, "*Failed: Out of memory.*"),
        (MessageState.WRITING, {}, "*Not finished yet.*"),
    ],
)
def test_markdown_says_how_a_reply_ended(state, facts, remark):
    text = to_markdown(conversation(), [message(2, Role.ASSISTANT, "Half", state, **facts)])
    assert text.endswith(f"Half\n\n{remark}\n")


def test_a_code_block_that_was_cut_does_not_swallow_the_rest():
    cut = message(2, Role.ASSISTANT, "See:\n```python\nx = 1", MessageState.STOPPED)
    assert "x = 1\n```\n\n*Stopped.*" in to_markdown(conversation(), [cut])


def test_a_whole_code_block_is_left_alone():
    whole = message(2, Role.ASSISTANT, "````\n```\ninner\n````\nafter")
    assert to_markdown(conversation(), [whole]).endswith("````\nafter\n")


def test_json_keeps_everything():
    data = json.loads(to_json(conversation(system_prompt="Be brief.", draft="…"), [ASKED, REPLY]))
    assert data["version"] == 1
    assert data["conversation"]["title"] == "Trip to Bern"
    assert data["conversation"]["system_prompt"] == "Be brief."
    assert data["conversation"]["created"] == "2026-09-01T12:30:05+00:00"
    asked, reply = data["messages"]
    assert (asked["parent"], asked["role"], asked["text"]) == (None, "user", "Where is Bern?")
    assert reply["parent"] == 1
    assert reply["options"]["temperature"] == 0.5
    assert reply["stats"]["reply_seconds"] == 1.5
    assert (reply["state"], reply["finish"], reply["model"]) == ("done", "stop", "Tiny Q4_0")


def test_json_has_every_field_of_a_message():
    """A field added to Message must be exported, or left out here on purpose."""
    left_out = {"conversation", "sibling_before", "sibling_after"}
    exported = json.loads(to_json(conversation(), [REPLY]))["messages"][0]
    assert set(exported) == set(Message.__dataclass_fields__) - left_out


def test_json_has_every_field_of_a_conversation():
    exported = json.loads(to_json(conversation(), []))["conversation"]
    assert set(exported) == set(Conversation.__dataclass_fields__)
