"""One loaded model with its context, and the account of what stands in its KV cache."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

from llama_cpp import llama_cpp as lib

from app.core.errors import EngineFailed
from app.core.generation import LoadedModel, LoadSpec
from app.engine.native import ASK_FLAG, WORDS, StopFlag
from app.engine.prompt import PromptMaker
from app.engine.template import ChatFormat
from app.engine.vocabulary import Vocabulary

BATCH = 512  # tokens: llama.cpp aborts the process when given more than the context was made for
STEP = 64  # tokens computed between two looks at the stop flag: 27 ms on a 7B model, and no slower than 512
_QUICK = 0.05  # seconds; steps faster than this are made longer, for they say more often than anyone can see


class Stopped(Exception):
    """The stop flag went up while the model computed. What was computed before stays."""


class WindowFull(Exception):
    """There is no room for another token."""


class Session:
    """A model ready to read and write. Made by `loading.open_session`; `close` it."""

    def __init__(self, spec: LoadSpec, model: Any, context: Any) -> None:
        """Take over a native model and context."""
        self.spec = spec
        self.context = context
        self._model: Any = model
        self.vocabulary = Vocabulary(model)
        self._memory = lib.llama_get_memory(context)
        source: bytes | None = lib.llama_model_chat_template(model, None)
        vocabulary = self.vocabulary
        chat_format = ChatFormat(
            None if source is None else source.decode("utf-8", "replace"),
            vocabulary.bos_text,
            vocabulary.eos_text,
            vocabulary.has_control("<|im_start|>", "<|im_end|>"),
        )
        self.has_template = chat_format.has_template
        self.prompts = PromptMaker(vocabulary, chat_format)
        self.n_ctx: int = lib.llama_n_ctx_seq(context)
        self.n_ctx_train: int = lib.llama_model_n_ctx_train(model)
        self.private_bytes = 0  # what loading it took, files' pages aside
        self._read: list[int] = []  # the tokens in the KV cache
        self._tokens = (lib.llama_token * BATCH)()
        self._one = (lib.llama_token * 1)()
        self._batch_of_one = lib.llama_batch_get_one(self._one, 1)
        self._flag: StopFlag | None = None

    def describe(self, load_seconds: float) -> LoadedModel:
        """Return what others may know of the model."""
        return LoadedModel(
            path=self.spec.path,
            name=self.spec.name or self.spec.path.stem,
            n_ctx=self.n_ctx,
            n_ctx_train=self.n_ctx_train,
            n_vocab=self.vocabulary.size,
            load_seconds=load_seconds,
            has_template=self.has_template,
        )

    def obey(self, flag: StopFlag) -> None:
        """Look at this flag from now on, and keep it: its bytes are pointed at."""
        lib.llama_set_abort_callback(self.context, ASK_FLAG, flag.address)
        self._flag = flag

    def reuse(self, tokens: Sequence[int]) -> int:
        """Keep what the KV cache has in common with these tokens; return how many need no reading.

        At least one is always left to read: what follows the last token is only known after computing it.
        """
        pairs = zip(self._read, itertools.islice(tokens, len(tokens) - 1), strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        if same < len(self._read) and not lib.llama_memory_seq_rm(self._memory, 0, same, -1):
            # Recurrent and hybrid models cannot forget only a part.
            self.forget()
            return 0
        del self._read[same:]
        return same

    def forget(self) -> None:
        """Empty the KV cache."""
        lib.llama_memory_clear(self._memory, False)
        self._read.clear()

    def read(self, tokens: Sequence[int], start: int) -> Iterator[int]:
        """Compute tokens from index `start` on, yielding how many of all are read after each step.

        Raises `Stopped`, `WindowFull`, `EngineFailed`.
        """
        done, step = start, STEP
        while done < len(tokens):
            began = time.perf_counter()
            part = tokens[done : done + step]
            self._tokens[: len(part)] = part
            self._decode(lib.llama_batch_get_one(self._tokens, len(part)), part)
            done += len(part)
            if time.perf_counter() - began < _QUICK:
                step = min(step * 2, BATCH)
            yield done

    def append(self, token: int) -> None:
        """Compute one more token. Raises `Stopped`, `WindowFull`, `EngineFailed`."""
        self._one[0] = token
        self._decode(self._batch_of_one, (token,))

    @property
    def is_full(self) -> bool:
        """Whether the window has no room for another token."""
        return len(self._read) >= self.n_ctx

    @property
    def has_scores(self) -> bool:
        """Whether the last computing left scores to choose a token by; choosing without them aborts."""
        return bool(lib.llama_get_logits_ith(self.context, -1))

    def _decode(self, batch: Any, tokens: Sequence[int]) -> None:
        result = lib.llama_decode(self.context, batch)
        if result == 0:
            self._read.extend(tokens)
            return
        if result == 2:
            # Whole steps before the stop are still in the cache.
            kept = lib.llama_memory_seq_pos_max(self._memory, 0) + 1
            self._read.extend(tokens)
            del self._read[max(kept, 0) :]
            raise Stopped
        if result == 1:
            raise WindowFull
        self.forget()
        WORDS.pass_on()
        raise EngineFailed(f"llama.cpp could not go on (code {result}).")

    def close(self) -> None:
        """Free the context and the model; later calls do nothing."""
        if self._model is None:
            return
        lib.llama_free(self.context)
        lib.llama_model_free(self._model)
        self.context = self._model = None
