"""The guide's own vocabulary: byte-level BPE, split as GPT-2 does, so that llama.cpp splits alike."""

from __future__ import annotations

from pathlib import Path

from dialogues import Dialogue, Writer
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

START, END = "<|start|>", "<|end|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
SPECIAL = [START, END, *ROLES.values()]
SIZE = 4000
LONGEST = 14  # bytes of a token: no more than four Chinese characters, or whole sentences would be tokens

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}<|system|>{{ message['content'] }}<|end|>"
    "{% elif message['role'] == 'user' %}<|user|>{{ message['content'] }}<|end|>"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}<|end|>"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def learn(writer: Writer, count: int) -> Tokenizer:
    """Learn a vocabulary from `count` dialogues: every question, and each answer a few times."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=SIZE,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=LONGEST,
        show_progress=False,
    )
    seen: dict[str, int] = {}
    texts: list[str] = []
    for _ in range(count):
        for role, text in writer.dialogue().messages:
            seen[text] = seen.get(text, 0) + 1
            if role != "assistant" or seen[text] <= 30:
                texts.append(text)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Read a learned vocabulary."""
    return Tokenizer.from_file(str(path))


class Encoder:
    """Turns dialogues into tokens, and tells which of them the guide has to write itself."""

    def __init__(self, tokenizer: Tokenizer, dropout: float = 0.0) -> None:
        self._exact = tokenizer
        self._loose = Tokenizer.from_str(tokenizer.to_str())
        self._loose.model.dropout = dropout or None
        self._ids = {token: tokenizer.token_to_id(token) for token in SPECIAL}

    def dialogue(
        self, talk: Dialogue, *, with_start: bool, loosely: bool, briefly: bool
    ) -> tuple[list[int], list[int]]:
        """Return the tokens, and for each whether it is of a reply (2), of a question (1), or fixed (0).

        `briefly`: replies are cut once it is clear which they are, as most is learned there; where they are
        cut no end is learned.
        """
        tokens, kinds = ([self._ids[START]], [0]) if with_start else ([], [])
        decided = iter(talk.decided)
        for role, text in talk.messages:
            is_reply = role == "assistant"
            tokenizer = self._loose if loosely and not is_reply else self._exact
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            enough = next(decided) if is_reply and briefly else 0
            is_cut = 0 < enough < len(text)
            if is_cut:
                ids = ids[: len(tokenizer.encode(text[:enough], add_special_tokens=False).ids)]
            tokens += [self._ids[ROLES[role]], *ids, self._ids[END]]
            kinds += [0, *([2 if is_reply else 1] * len(ids)), 0 if is_cut else 2 if is_reply else 1]
        return tokens, kinds
