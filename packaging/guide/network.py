"""The guide's network: the Llama architecture, as llama.cpp computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the network is."""

    vocabulary: int = 4000
    width: int = 256
    layers: int = 6
    heads: int = 8
    inner: int = 640
    context: int = 1024  # tokens
    rope_base: float = 10_000.0
    epsilon: float = 1e-5


def rotation(shape: Shape) -> tuple[Tensor, Tensor]:
    """Return cosines and sines, [context, head size / 2]: position times base^(-2i / head size)."""
    size = shape.width // shape.heads
    speeds = shape.rope_base ** (-torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(shape.context).float(), speeds)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn neighboring pairs of each head [batch, heads, time, size] by the angle of their position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    """Attention, then a gated feed-forward part, each added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.width, shape.inner
        self.heads = shape.heads
        self.attn_norm = nn.RMSNorm(width, shape.epsilon)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_norm = nn.RMSNorm(width, shape.epsilon)
        self.ffn_gate = nn.Linear(width, inner, bias=False)
        self.ffn_up = nn.Linear(width, inner, bias=False)
        self.ffn_down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return the states [batch, time, width] with what this layer found added."""
        batch, time, width = x.shape
        y = self.attn_norm(x)
        query, key, value = (
            part(y).view(batch, time, self.heads, -1).transpose(1, 2)
            for part in (self.attn_q, self.attn_k, self.attn_v)
        )
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        y = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(batch, time, width))
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Network(nn.Module):
    """Tokens in, hidden states out; `score` turns these into scores of the next token."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, shape.epsilon)
        cos, sin = rotation(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                spread = 0.02 if "embd" in name else weight.shape[1] ** -0.5
                if name.endswith(("attn_output.weight", "ffn_down.weight")):
                    spread /= (2 * shape.layers) ** 0.5
                nn.init.normal_(weight, std=spread)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the hidden states [batch, time, width] of tokens [batch, time]."""
        time = tokens.shape[1]
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, self.cos[:time], self.sin[:time])
        return self.output_norm(x)

    def score(self, hidden: Tensor) -> Tensor:
        """Return the scores of all tokens; the weights are those of the embedding."""
        return functional.linear(hidden, self.token_embd.weight)
