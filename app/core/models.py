"""What is known of a model file without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One model on this disk, as its header tells; split files are one model."""

    path: Path  # of the first part
    parts: tuple[Path, ...]  # all parts in order; one for a model in a single file
    name: str  # as shown
    file_bytes: int  # of all parts together
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

    def memory_needed(self, n_ctx: int) -> int:
        """Bytes a load with a window of `n_ctx` tokens takes: weights, KV cache, and work buffers.

        KV cache: layers x (K row + V row) x 2 bytes for each token, as llama.cpp allots it.
        Work buffers and vocabulary tables are a rounded allowance; an upper value, not a measure.
        """
        cells = -(-n_ctx // 256) * 256
        allowance = 64_000_000 + self.embedding_length * 4 * 512
        return self.tensor_bytes + cells * self.kv_bytes_per_token + allowance
