"""What is known of a model file without loading it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_VOCABULARY_BYTES = 160  # llama.cpp's own tables, for each token of the vocabulary; an upper value
_UBATCH = 64  # tokens computed at once; the engine stops between such steps
_ALLOWANCE = 24_000_000  # bytes: the libraries themselves, thread stacks, small buffers


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model on this disk, as its header tells; split files are one model."""

    path: Path  # of the first part
    parts: tuple[Path, ...]  # all parts in order; one for a model in a single file
    name: str  # as shown
    file_bytes: int  # of all parts together
    is_builtin: bool = False  # the guide that comes with the program
    problem: str = ""  # a sentence: why it cannot be used; then what follows is not known
    architecture: str = ""
    parameters: int = 0  # count of weights
    quantization: str = ""  # such as Q4_K_M
    context_length: int = 0  # tokens it was trained for
    chat_template: str = ""  # Jinja source; empty: none
    tensor_bytes: int = 0  # weights, all parts together
    layers: int = 0
    embedding_length: int = 0
    kv_bytes_per_token: int = 0  # of an f16 KV cache
    vocabulary: int = 0  # tokens
    state_bytes: int = 0  # of recurrent layers
    heads: int = 0  # of attention, in the widest layer
    query_width: int = 0  # values of all query heads of a token
    key_width: int = 0  # values of all key heads of a token
    feed_forward_width: int = 0  # values of a token in the widest feed-forward step

    def memory_needed(self, n_ctx: int, n_ubatch: int = _UBATCH) -> int:
        """Bytes a load with a window of `n_ctx` tokens takes: weights, KV cache, state and work buffers.

        0 for `n_ctx` is the length the model was trained for. Weights that are copied into another layout
        are counted once, because the system can drop the mapped file behind them.
        """
        wanted = n_ctx if n_ctx > 0 else self.context_length
        if self.context_length:
            wanted = min(wanted, self.context_length)
        cells = -(-wanted // 256) * 256
        return (
            self.tensor_bytes
            + cells * self.kv_bytes_per_token
            + self.state_bytes
            + self._work_bytes(cells, n_ubatch)
            + self.vocabulary * _VOCABULARY_BYTES
            + _ALLOWANCE
        )

    def _work_bytes(self, cells: int, n_ubatch: int) -> int:
        """Bytes of llama.cpp's compute buffer on a processor without flash attention: its widest step."""
        width = 3 * self.embedding_length
        feed_forward = self.feed_forward_width + width + self.query_width + cells
        attention = cells * self.heads + cells + width + 2 * self.query_width + 2 * self.key_width
        return 4 * max(n_ubatch * max(feed_forward, attention), self.vocabulary)


def usual_model(models: Iterable[ModelFile], last_used: str) -> ModelFile | None:
    """Return the model to take where the user names none: the one used last (a path), if it is still there.

    Else the smallest, because it is the quickest to be ready; the built-in guide only if there is no other.
    """
    usable = [model for model in models if not model.problem]
    last = next((m for m in usable if str(m.path) == last_used and not m.is_builtin), None)
    return last or min(usable, key=lambda m: (m.is_builtin, m.file_bytes), default=None)


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How much of a model is copied, in bytes, all parts together."""

    done: int
    total: int
