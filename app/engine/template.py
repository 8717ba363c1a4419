"""A conversation as the text a model was trained on: its own chat template, or a plain one.

A template may refuse what people do: a system prompt, two questions in a row, an answer first. Such a
conversation is told in another way rather than not at all; nothing anybody said is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import jinja2

from app.core.generation import Role, Turn
from app.engine.sandbox import Sandbox

log = logging.getLogger(__name__)

_PROBE_SYSTEM, _PROBE_USER = "Probe of the system prompt.", "Probe of the question."
_CHATML = ("<|im_start|>", "<|im_end|>")
_PLAIN_NAMES = {Role.SYSTEM: "System", Role.USER: "User", Role.ASSISTANT: "Assistant"}


class Rendered(NamedTuple):
    """A conversation ready to be read, up to where the reply begins."""

    text: str
    stops: tuple[str, ...]  # what else ends the reply, where the model has no token of its own for that


class ChatFormat:
    """How one model is talked to."""

    def __init__(self, source: str | None, bos: str = "", eos: str = "", knows_chatml: bool = False) -> None:
        """`source`: the template from the model's file. `bos`, `eos`: the texts of its tokens."""
        self._sandbox = Sandbox()
        self._tokens = {"bos_token": bos, "eos_token": eos}
        self._knows_chatml = knows_chatml
        self._template: jinja2.Template | None = None
        self._takes_system = False
        self._wants_parts = False
        if source:
            self._learn(source)

    @property
    def has_template(self) -> bool:
        """Whether the model's own template is used."""
        return self._template is not None

    def render(self, turns: Sequence[Turn]) -> Rendered:
        """Return the conversation as text; what the template refuses is told in a plain way."""
        if self._template is not None:
            ways = [turns if self._takes_system else _without_system(turns), _alternating(turns)]
            for way in ways:
                text = self._try(way)
                if text is not None:
                    return Rendered(text, ())
            log.warning("the chat template refused the conversation; a plain format is used")
        return self._plain(turns)

    def _learn(self, source: str) -> None:
        try:
            self._template = self._sandbox.from_string(source)
        except Exception as error:  # noqa: BLE001  # a template is a foreign program: it may fail in any way
            log.warning("the chat template cannot be used (%s)", type(error).__name__)
            return
        user, system = Turn(Role.USER, _PROBE_USER), Turn(Role.SYSTEM, _PROBE_SYSTEM)
        for self._wants_parts in (False, True):
            if _PROBE_USER in (self._try([user]) or ""):
                break
            # Some take nothing without a system prompt.
            if _PROBE_USER in (self._try([system, user]) or ""):
                break
        else:
            log.warning("the chat template leaves out what the user says; a plain format is used")
            self._template = None
            return
        self._takes_system = _PROBE_SYSTEM in (self._try([system, user]) or "")

    def _try(self, turns: Sequence[Turn]) -> str | None:
        assert self._template is not None
        values = {
            "messages": [self._message(turn) for turn in turns],
            "add_generation_prompt": True,
            **self._tokens,
        }
        try:
            return self._sandbox.render(self._template, values)
        except Exception as error:  # noqa: BLE001  # a template is a foreign program: it may fail in any way
            log.info("the chat template failed with %s", type(error).__name__)
            return None

    def _message(self, turn: Turn) -> dict[str, Any]:
        content: Any = [{"type": "text", "text": turn.text}] if self._wants_parts else turn.text
        return {"role": turn.role.value, "content": content}

    def _plain(self, turns: Sequence[Turn]) -> Rendered:
        if self._knows_chatml:
            begin, end = _CHATML
            told = "".join(f"{begin}{turn.role.value}\n{turn.text}{end}\n" for turn in turns)
            return Rendered(f"{told}{begin}{Role.ASSISTANT.value}\n", (end,))
        told = "".join(f"{_PLAIN_NAMES[turn.role]}: {turn.text}\n" for turn in turns)
        return Rendered(f"{told}Assistant:", ("\nUser:", "\nSystem:"))


def knows_chatml(has_control: Any) -> bool:
    """Return whether a model has ChatML's tokens. `has_control`: tells whether texts are control tokens."""
    return bool(has_control(*_CHATML))


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """Tell the system prompt at the beginning of the first question."""
    system = "\n\n".join(turn.text for turn in turns if turn.role is Role.SYSTEM)
    rest = [turn for turn in turns if turn.role is not Role.SYSTEM]
    if not system:
        return rest
    first = next((i for i, turn in enumerate(rest) if turn.role is Role.USER), None)
    if first is None:
        return [Turn(Role.USER, system), *rest]
    rest[first] = Turn(Role.USER, f"{system}\n\n{rest[first].text}")
    return rest


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Tell it as question, answer, question: the strictest order that templates insist on."""
    runs = groupby(_without_system(turns), key=lambda turn: turn.role)
    merged = [Turn(role, "\n\n".join(turn.text for turn in run)) for role, run in runs]
    if merged and merged[0].role is Role.ASSISTANT:
        merged.insert(0, Turn(Role.USER, ""))
    return merged
