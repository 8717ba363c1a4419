"""A model's tokens: from text to numbers and back."""

from __future__ import annotations

import ctypes
import re
from typing import Any

from llama_cpp import llama_cpp as lib

_BUFFER = 256  # bytes; longer pieces get a buffer of their own
_NOT_FOR_USERS = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN


class Vocabulary:
    """The tokens of one loaded model. Lives no longer than the model."""

    def __init__(self, model: Any) -> None:
        self._vocab = lib.llama_model_get_vocab(model)
        self.size: int = lib.llama_vocab_n_tokens(self._vocab)
        self._pieces: dict[int, bytes] = {}
        self._buffer = ctypes.create_string_buffer(_BUFFER)
        self._control = self._control_texts()
        texts = sorted(self._control, key=len, reverse=True)
        self.control_text = re.compile("|".join(map(re.escape, texts)) or r"(?!)")
        self.bos: int | None = self._special(lib.llama_vocab_bos)
        self.bos_text = self._text(self.bos)
        self.eos_text = self._text(self._special(lib.llama_vocab_eos))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self._vocab)) and self.bos is not None

    def _special(self, ask: Any) -> int | None:
        token = ask(self._vocab)
        return token if 0 <= token < self.size else None

    def _text(self, token: int | None) -> str:
        if token is None:
            return ""
        return (lib.llama_vocab_get_text(self._vocab, token) or b"").decode("utf-8", "replace")

    def _control_texts(self) -> frozenset[str]:
        attribute, vocab = lib.llama_vocab_get_attr, self._vocab
        found = (token for token in range(self.size) if attribute(vocab, token) & _NOT_FOR_USERS)
        return frozenset(self._text(token) for token in found) - {""}

    def has_control(self, *texts: str) -> bool:
        """Whether all these are control tokens of the model."""
        return self._control.issuperset(texts)

    def tokenize(self, text: str, parse_special: bool) -> list[int]:
        """Return the tokens of a text, nothing added.

        `parse_special`: what looks like a control token becomes one; only for text the user did not write.
        """
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            tokens = (lib.llama_token * room)()
            count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, parse_special)
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """Return the bytes a token stands for, which may be part of a character; none for control tokens."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._read_piece(token)
        return known

    def _read_piece(self, token: int) -> bytes:
        buffer = self._buffer
        length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if length < 0:
            buffer = ctypes.create_string_buffer(-length)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return bytes(buffer.raw[: max(length, 0)])

    def ends_turn(self, token: int) -> bool:
        """Whether the model says with this token that its turn is over."""
        return bool(lib.llama_vocab_is_eog(self._vocab, token))
