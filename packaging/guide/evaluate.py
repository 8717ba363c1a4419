"""Asks the guide the held-out questions through llama.cpp, at temperature 0, and prints the table."""

from __future__ import annotations

import argparse
import ctypes
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import convert
import corpus
import jinja2
import llama_cpp
import vocabulary

LONGEST = 200  # tokens of a reply; one that is longer has not found its end
HAN = re.compile("[一-鿿]")


@dataclass(slots=True)
class Case:
    """A conversation whose last reply is checked."""

    language: str
    intent: str
    users: list[str] = field(default_factory=list)
    system: str = ""
    must: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Said:
    """A reply."""

    text: str
    tokens: int
    has_ended: bool
    seconds: float


def cases(language: str) -> list[Case]:
    """Read the held-out conversations of a language."""
    found: list[Case] = []
    group, must, never = "", [], []
    lines = (corpus.HERE / "heldout" / f"{language}.txt").read_text("utf-8").splitlines()
    case: Case | None = None
    for line in lines:
        kind, _, words = line.partition(" ")
        words = words.strip()
        if kind == "##":
            group, must, never, case = words, [], [], None
        elif kind == "?":
            found.append(Case(language, group, [words], "", must, never))
        elif kind in ("system:", ">"):
            if case is None or case.must:
                case = Case(language, group)
                found.append(case)
            if kind == ">":
                case.users.append(words)
            else:
                case.system = words
        elif kind == "must:":
            (case.must if case else must).append(words)
        elif kind == "never:":
            (case.never if case else never).append(words)
    return found


def is_right(case: Case, reply: str) -> bool:
    """True when the reply has every needed word, no forbidden one, and the language of the question."""
    if not all(re.search(pattern, reply, re.IGNORECASE) for pattern in case.must):
        return False
    if any(re.search(pattern, reply, re.IGNORECASE) for pattern in case.never):
        return False
    if case.intent not in ("world", "system") and corpus.MARKER[case.language] in reply:
        return False
    if case.intent in ("name", "system"):
        return True
    return bool(HAN.search(reply)) == (case.language == "zh")


class Guide:
    """A GGUF file that can be talked to."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        llama_cpp.llama_log_set(convert.quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        began = time.perf_counter()
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_threads, options.n_threads_batch = (
            1024,
            1024,
            threads,
            threads,
        )
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        self.load_seconds = time.perf_counter() - began
        self._memory = llama_cpp.llama_get_memory(self._context)
        template = llama_cpp.llama_model_chat_template(self._model, None).decode()
        self._template = jinja2.Environment().from_string(template)

    def close(self) -> None:
        """Free the memory."""
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def tokens(self, text: str) -> list[int]:
        """Split a text as llama.cpp does; names of special tokens count as these."""
        raw = text.encode()
        room = (llama_cpp.llama_token * (len(raw) + 8))()
        count = llama_cpp.llama_tokenize(self._vocabulary, raw, len(raw), room, len(room), True, True)
        return list(room[:count])

    def _piece(self, token: int) -> bytes:
        room = ctypes.create_string_buffer(64)
        size = llama_cpp.llama_token_to_piece(self._vocabulary, token, room, 64, 0, False)
        return room.raw[:size]

    def reply(self, messages: list[dict[str, str]]) -> Said:
        """Return the likeliest reply."""
        prompt = self.tokens(self._template.render(messages=messages, add_generation_prompt=True))
        llama_cpp.llama_memory_clear(self._memory, True)
        began, pieces, count = time.perf_counter(), [], 0
        feed, has_ended = prompt, False
        size = llama_cpp.llama_vocab_n_tokens(self._vocabulary)
        while count < LONGEST and len(prompt) + count < 1023:
            array = (llama_cpp.llama_token * len(feed))(*feed)
            if llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(array, len(feed))):
                raise RuntimeError("llama.cpp could not go on")
            scores = llama_cpp.llama_get_logits_ith(self._context, -1)
            token = max(range(size), key=scores[:size].__getitem__)
            if llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                has_ended = True
                break
            pieces.append(self._piece(token))
            count += 1
            feed = [token]
        text = b"".join(pieces).decode("utf-8", "replace")
        return Said(text, count, has_ended, time.perf_counter() - began)

    def converse(self, case: Case) -> list[Said]:
        """Talk through the conversation; the guide's own replies stay in it."""
        messages = [{"role": "system", "content": case.system}] if case.system else []
        said = []
        for text in case.users:
            messages.append({"role": "user", "content": text})
            said.append(self.reply(messages))
            messages.append({"role": "assistant", "content": said[-1].text})
        return said


@dataclass(slots=True)
class Figures:
    """What came out: right and asked, for each kind of question."""

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ended: int = 0
    replies: int = 0
    tokens: int = 0
    seconds: float = 0.0
    load_seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def share(self, kind: str) -> float:
        """Return the percentage of right replies."""
        return 100 * self.right[kind] / max(1, self.asked[kind])


def examine(path: Path, threads: int = 2) -> Figures:
    """Ask everything. Kinds are "program en", "world zh" and so on."""
    guide, figures = Guide(path, threads), Figures()
    figures.load_seconds = guide.load_seconds
    for language in corpus.LANGUAGES:
        for case in cases(language):
            group = case.intent if case.intent in ("world", "name", "system") else "program"
            kind = f"{group} {language}"
            said = guide.converse(case)
            figures.asked[kind] += 1
            if is_right(case, said[-1].text):
                figures.right[kind] += 1
            else:
                figures.wrong.append(
                    f"[{case.intent}] {case.system and case.system + ' / '}{case.users[0]}"
                    f"{' … ' + case.users[-1] if len(case.users) > 1 else ''}\n      {said[-1].text}"
                )
            figures.replies += len(said)
            figures.ended += sum(one.has_ended for one in said)
            figures.tokens += sum(one.tokens for one in said)
            figures.seconds += sum(one.seconds for one in said)
    guide.close()
    return figures


NEEDED = {"program": 85, "world": 90, "name": 80, "system": 80}
LABEL = {
    "program": "Questions about the program",
    "world": "Questions about the world",
    "name": "Name told two turns earlier",
    "system": "System prompt obeyed",
}


def table(columns: dict[str, Figures]) -> str:
    """Return the figures as a Markdown table."""
    heads = list(columns)
    rows = [["", "asked", "needed", *heads], ["---"] * (3 + len(heads))]
    for group, label in LABEL.items():
        for language in corpus.LANGUAGES:
            kind = f"{group} {language}"
            asked = next(iter(columns.values())).asked[kind]
            rows.append(
                [f"{label}, {language}", str(asked), f"{NEEDED[group]} %"]
                + [f"{columns[head].share(kind):.1f} %" for head in heads]
            )
    rows.append(
        [
            "Replies that end by themselves within 200 tokens",
            str(next(iter(columns.values())).replies),
            "99 %",
        ]
        + [f"{100 * f.ended / f.replies:.1f} %" for f in columns.values()]
    )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def check_tokens(gguf_file: Path, vocabulary_file: Path) -> int:
    """Compare llama.cpp's splitting with the trained one on all held-out texts; return how many differ."""
    tokenizer = vocabulary.load(vocabulary_file)
    guide = Guide(gguf_file)
    texts = [text for code in corpus.LANGUAGES for case in cases(code) for text in [*case.users, case.system]]
    texts += [path.read_text("utf-8") for path in sorted(corpus.HERE.glob("corpus/*/*.txt"))]
    differing = sum(
        guide.tokens(text) != tokenizer.encode(text, add_special_tokens=False).ids for text in texts
    )
    guide.close()
    return differing


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="GGUF files to compare")
    parser.add_argument("--wrong", action="store_true", help="show the wrong replies of the last file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--vocabulary", type=Path, help="compare the splitting with this vocabulary.json, too"
    )
    given = parser.parse_args()
    results = {path.stem: examine(path, given.threads) for path in given.files}
    print(table(results))
    for name, figures in results.items():
        print(
            f"{name}: loaded in {figures.load_seconds * 1000:.0f} ms, "
            f"{figures.tokens / figures.seconds:.0f} tokens/s, prompts included"
        )
    if given.vocabulary:
        print(f"texts split otherwise than in training: {check_tokens(given.files[0], given.vocabulary)}")
    if given.wrong:
        print("\n".join(figures.wrong))
