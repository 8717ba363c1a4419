"""How the next token is chosen: llama.cpp's samplers in a chain."""

from __future__ import annotations

import secrets
from typing import Any

from llama_cpp import llama_cpp as lib

from app.core.generation import SamplingOptions

_PENALIZED_TOKENS = 64  # how far back the penalties look; llama.cpp's own default
_RANDOM_SEEDS = 2**32 - 1  # the last one means "random" to llama.cpp


class Sampler:
    """A chain for one reply. `close` it."""

    def __init__(self, options: SamplingOptions, n_vocab: int) -> None:
        self._chain: Any = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for link in _links(options, n_vocab):
            lib.llama_sampler_chain_add(self._chain, link)

    def choose(self, context: Any) -> int:
        """Return the token that follows what was decoded last."""
        return int(lib.llama_sampler_sample(self._chain, context, -1))

    def close(self) -> None:
        """Free the chain and its links."""
        if self._chain is not None:
            lib.llama_sampler_free(self._chain)
            self._chain = None


def _links(options: SamplingOptions, n_vocab: int) -> list[Any]:
    links = []
    penalties = options.repeat_penalty, options.frequency_penalty, options.presence_penalty
    if penalties != (1.0, 0.0, 0.0):
        links.append(lib.llama_sampler_init_penalties(n_vocab, _PENALIZED_TOKENS, *penalties))
    if options.temperature <= 0:
        return [*links, lib.llama_sampler_init_greedy()]
    if options.top_k > 0:
        links.append(lib.llama_sampler_init_top_k(options.top_k))
    if options.top_p < 1:
        links.append(lib.llama_sampler_init_top_p(options.top_p, 1))
    if options.min_p > 0:
        links.append(lib.llama_sampler_init_min_p(options.min_p, 1))
    links.append(lib.llama_sampler_init_temp(options.temperature))
    seed = secrets.randbelow(_RANDOM_SEEDS) if options.seed is None else options.seed % _RANDOM_SEEDS
    return [*links, lib.llama_sampler_init_dist(seed)]
