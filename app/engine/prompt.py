"""A conversation as tokens, in which nothing that anybody wrote can pass for a control token."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from app.core.generation import Turn
from app.engine.template import ChatFormat
from app.engine.vocabulary import Vocabulary

_REMEMBERED = 4  # prompts; measuring and replying ask for the same ones again


class Prompt(NamedTuple):
    """What the model is given to read."""

    tokens: list[int]
    stops: tuple[str, ...]  # texts that end the reply in this chat format


class PromptMaker:
    """Makes prompts for one model."""

    def __init__(self, vocabulary: Vocabulary, chat_format: ChatFormat) -> None:
        self._vocabulary = vocabulary
        self._format = chat_format
        self._remembered: OrderedDict[tuple[tuple[str, bool], ...], list[int]] = OrderedDict()

    def make(self, turns: Sequence[Turn], prefill: str = "") -> Prompt:
        """Return the prompt for a reply to the turns that begins with `prefill`."""
        marks = _Marks(self._vocabulary.control_text)
        rendered = self._format.render([marks.cover(turn) for turn in turns])
        pieces = marks.uncover(rendered.text)
        if prefill:
            # One piece with the text before it unless it holds a control token's text, so that a word's
            # beginning is split into tokens as it would be had the model written it.
            if self._vocabulary.control_text.search(prefill):
                pieces.append((prefill, False))
            else:
                text, is_ours = pieces[-1] if pieces else ("", True)
                pieces[-1:] = [(text + prefill, is_ours)]
        return Prompt(self._tokens(tuple(pieces)), rendered.stops)

    def _tokens(self, pieces: tuple[tuple[str, bool], ...]) -> list[int]:
        known = self._remembered.pop(pieces, None)
        self._remembered[pieces] = known if known is not None else self._tokenize(pieces)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return self._remembered[pieces]

    def _tokenize(self, pieces: tuple[tuple[str, bool], ...]) -> list[int]:
        vocabulary = self._vocabulary
        tokens = [t for text, is_ours in pieces for t in vocabulary.tokenize(text, parse_special=is_ours)]
        has_bos = bool(vocabulary.bos_text) and bool(pieces) and pieces[0][0].startswith(vocabulary.bos_text)
        if vocabulary.bos is not None and (not tokens or (vocabulary.adds_bos and not has_bos)):
            tokens.insert(0, vocabulary.bos)
        return tokens


class _Marks:
    """Stand-ins for texts that look like control tokens, while the template is at work."""

    def __init__(self, control_text: re.Pattern[str]) -> None:
        self._control_text = control_text
        self._nonce = secrets.token_hex(8)  # so that nobody can write a stand-in
        self._covered: list[str] = []

    def cover(self, turn: Turn) -> Turn:
        text = self._control_text.sub(self._stand_in, turn.text)
        return turn if text == turn.text else dataclasses.replace(turn, text=text)

    def _stand_in(self, match: re.Match[str]) -> str:
        self._covered.append(match.group())
        return f"\ue000{self._nonce}:{len(self._covered) - 1}\ue001"

    def uncover(self, text: str) -> list[tuple[str, bool]]:
        """Return the pieces of a text, each with whether it may hold control tokens."""
        if not self._covered:
            return [(text, True)] if text else []
        parts = re.split(f"\ue000{self._nonce}:(\\d+)\ue001", text)
        pieces = [
            (self._covered[int(part)], False) if i % 2 else (part, True) for i, part in enumerate(parts)
        ]
        return [piece for piece in pieces if piece[0]]
