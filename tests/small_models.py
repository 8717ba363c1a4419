"""Makes real GGUF models in milliseconds: one that recites a known text, one that never ends.

Both are of the llama architecture with a byte-level vocabulary and a ChatML template. `reciter` has no
attention and no feed-forward: each token's embedding is a one-hot direction and the output matrix sends it to
its successor, so that at temperature 0 the reply is known. `babbler` has random weights of a chosen size.
"""

from __future__ import annotations

import re
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SCRIPT = "The guide says: 你好 😀, all is well."
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def _byte_texts() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(other)) for b in range(256)]


BYTES = _byte_texts()
OPENINGS = (b"\n", b":")  # after these the reciter begins


def _as_token(data: bytes) -> str:
    return "".join(BYTES[b] for b in data)


def _pieces(script: str) -> list[bytes]:
    """Cut a text into tokens: words with the space before them, other ASCII alone, the rest byte by byte.

    Every token has one successor, so what comes a second time is joined with what follows.
    """
    parts: list[bytes] = []
    for part in re.findall(r" ?[A-Za-z0-9]+|.", script, re.DOTALL):
        data = part.encode()
        parts += [data] if part.isascii() else [bytes([b]) for b in data]
    pieces: list[bytes] = []
    begun = b""
    for part in parts:
        begun += part
        if begun not in pieces and begun not in OPENINGS:
            pieces.append(begun)
            begun = b""
    if begun:
        pieces[-1] += begun
    return pieces


def _merges(pieces: list[bytes]) -> list[tuple[str, str]]:
    """Rules by which a text's words become the same tokens that the model writes."""
    found: dict[tuple[str, str], None] = {}
    for piece in pieces:
        text = _as_token(piece)
        if piece.isascii():
            found.update({(text[:n], text[n]): None for n in range(1, len(text))})
    return list(found)


def _head(path, tokens, types, merges, template, n_ctx, **shape):
    """Begin a file and give its writer."""
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_name(path.stem)
    w.add_context_length(n_ctx)
    w.add_embedding_length(shape["embedding"])
    w.add_block_count(shape["layers"])
    w.add_feed_forward_length(shape["feed_forward"])
    w.add_head_count(shape["heads"])
    w.add_head_count_kv(shape["heads"])
    w.add_rope_dimension_count(shape["embedding"] // shape["heads"])
    w.add_layer_norm_rms_eps(1e-6)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([f"{a} {b}" for a, b in merges or [("a", "b")]])
    end = tokens.index("<|im_end|>")
    w.add_eos_token_id(end)
    w.add_bos_token_id(tokens.index("<|endoftext|>"))
    w.add_add_bos_token(False)
    if template is not None:
        w.add_chat_template(template)
    return w


def _finish(w: gguf.GGUFWriter) -> None:
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def _blocks(w: gguf.GGUFWriter, layers: int, embedding: int, feed_forward: int, make) -> None:
    for i in range(layers):
        for name, shape in (
            ("attn_q", (embedding, embedding)),
            ("attn_k", (embedding, embedding)),
            ("attn_v", (embedding, embedding)),
            ("attn_output", (embedding, embedding)),
            ("ffn_gate", (feed_forward, embedding)),
            ("ffn_up", (feed_forward, embedding)),
            ("ffn_down", (embedding, feed_forward)),
        ):
            w.add_tensor(f"blk.{i}.{name}.weight", make(shape))
        for name in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{i}.{name}.weight", np.ones(embedding, np.float32))


def reciter(
    path: Path,
    script: str = SCRIPT,
    *,
    template: str | None = CHATML,
    n_ctx: int = 2048,
    ends: bool = True,
) -> Path:
    """Make a model that answers everything with `script`, then ends its turn; with `ends=False` starts over.

    The reply begins after the newline that ends ChatML's `assistant\\n`, and after `:` for the plain format.
    Characters outside ASCII are written byte by byte, words are one token each.
    """
    pieces = _pieces(script)
    merges = _merges(pieces)
    texts = dict.fromkeys([*(a + b for a, b in merges), *map(_as_token, pieces)])
    words = [text for text in texts if text not in BYTES]
    tokens = [*BYTES, *SPECIAL, *words]
    types = [1] * 256 + [3] * len(SPECIAL) + [1] * len(words)
    place = [tokens.index(_as_token(piece)) for piece in pieces]
    size, embedding = len(tokens), -(-len(tokens) // 32) * 32
    end = tokens.index("<|im_end|>")
    follow = np.full(size, end)
    follow[[tokens.index(_as_token(opening)) for opening in OPENINGS]] = place[0]
    follow[place] = [*place[1:], end if ends else place[0]]
    embed = np.eye(size, embedding, dtype=np.float32)
    output = np.zeros((size, embedding), np.float32)
    output[follow, np.arange(size)] = 8.0
    shape = {"embedding": embedding, "layers": 1, "feed_forward": 32, "heads": 1}
    w = _head(path, tokens, types, merges, template, n_ctx, **shape)
    w.add_tensor("token_embd.weight", embed)
    w.add_tensor("output.weight", output)
    w.add_tensor("output_norm.weight", np.ones(embedding, np.float32))
    _blocks(w, 1, embedding, 32, lambda shape: np.zeros(shape, np.float32))
    _finish(w)
    return path


def babbler(
    path: Path,
    *,
    layers: int = 2,
    embedding: int = 128,
    template: str | None = CHATML,
    n_ctx: int = 8192,
    seed: int = 0,
) -> Path:
    """Make a model that writes random words and never ends.

    The default takes some 0.2 ms a token; `layers=8, embedding=1024` (340 MB) some 24 ms on one thread.
    """
    rng = np.random.default_rng(seed)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    words = [" " + "".join(rng.choice(letters, rng.integers(2, 8))) for _ in range(200)]
    words = [*sorted(set(words)), ". ", ", ", "\n\n"]
    tokens = list(BYTES) + list(SPECIAL) + [_as_token(word.encode()) for word in words]
    types = [1] * 256 + [3] * len(SPECIAL) + [1] * len(words)
    feed_forward = embedding * 2
    heads = max(embedding // 64, 1)
    shape = {"embedding": embedding, "layers": layers, "feed_forward": feed_forward, "heads": heads}
    w = _head(path, tokens, types, [], template, n_ctx, **shape)

    def random(shape):
        return (rng.standard_normal(shape, dtype=np.float32) * 0.05).astype(np.float32)

    embed = random((len(tokens), embedding)) + 0.0
    embed[:, 0] = 4.0  # the same in all, so that the output can tell words from the rest by it
    output = random((len(tokens), embedding)) * 4
    output[:, 0] = -20.0
    output[-len(words) :, 0] = 5.0
    w.add_tensor("token_embd.weight", embed)
    w.add_tensor("output.weight", output)
    w.add_tensor("output_norm.weight", np.ones(embedding, np.float32))
    _blocks(w, layers, embedding, feed_forward, lambda shape: random(shape) * 0.2)
    _finish(w)
    return path
