"""Trains the guide on the processor, from dialogues that are written while it learns."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import vocabulary
from dialogues import Writer
from network import Network, Shape
from torch import Tensor
from torch.nn import functional

POOL = 768  # dialogues that are sorted by length before they are batched
BRIEF = 0.75  # share of the dialogues whose replies are cut where they are decided
QUESTION_WEIGHT = 0.0  # learning how users write, too, cost a tenth of the speed


def batches(
    writer: Writer, encoder: vocabulary.Encoder, size: int, longest: int, brief: float = BRIEF
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield tokens and weights [rows, time] of about `size` tokens each, without end.

    Rows of a batch are about equally long, so that little is padded.
    """
    rng = random.Random(writer.rng.random())
    while True:
        rows = []
        for _ in range(POOL):
            tokens, kinds = encoder.dialogue(
                writer.dialogue(),
                with_start=rng.random() < 0.1,
                loosely=rng.random() < 0.35,
                briefly=rng.random() < brief,
            )
            if len(tokens) <= longest:
                rows.append((tokens, kinds))
        rows.sort(key=lambda row: len(row[0]))
        found, at = [], 0
        while at < len(rows):
            end = at + 1
            while end < len(rows) and len(rows[end][0]) * (end + 1 - at) <= size:
                end += 1
            found.append(rows[at:end])
            at = end
        rng.shuffle(found)
        for group in found:
            time_steps = max(len(tokens) for tokens, _ in group)
            ids = torch.zeros(len(group), time_steps, dtype=torch.long)
            weights = torch.zeros(len(group), time_steps)
            for i, (tokens, kinds) in enumerate(group):
                ids[i, : len(tokens)] = torch.tensor(tokens)
                weights[i, : len(kinds)] = torch.tensor([(0.0, QUESTION_WEIGHT, 1.0)[kind] for kind in kinds])
            yield ids, weights


def loss_of(network: Network, ids: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss to be lowered, and that of the replies alone, in nats per token."""
    hidden = network(ids[:, :-1])
    target, weight = ids[:, 1:], weights[:, 1:]
    chosen = weight > 0
    losses = functional.cross_entropy(network.score(hidden[chosen]).float(), target[chosen], reduction="none")
    weight = weight[chosen]
    replies = weight == 1.0
    return (losses * weight).sum() / weight.sum(), losses[replies].mean().detach()


def rate(step_share: float, warm: float = 0.02, floor: float = 0.02) -> float:
    """Return the share of the full learning rate: up quickly, level, and down over the rest."""
    if step_share < warm:
        return step_share / warm
    if step_share < 0.1:
        return 1.0
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step_share - 0.1) / 0.9))


def train(arguments: argparse.Namespace) -> None:
    """Train for the time given and write `weights.pt`, `vocabulary.json` and `shape.json` into the folder."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "vocabulary.json").exists():
        vocabulary.learn(Writer(arguments.seed + 1), 40_000).save(str(folder / "vocabulary.json"))
    tokenizer = vocabulary.load(folder / "vocabulary.json")
    shape = Shape(
        tokenizer.get_vocab_size(), arguments.width, arguments.layers, arguments.heads, arguments.inner
    )
    (folder / "shape.json").write_text(json.dumps(asdict(shape)))
    network = Network(shape)
    if arguments.start_from:
        network.load_state_dict(torch.load(arguments.start_from))
    matrices = [p for n, p in network.named_parameters() if p.dim() == 2 and "embd" not in n]
    others = [p for n, p in network.named_parameters() if p.dim() != 2 or "embd" in n]
    optimizers = [
        torch.optim.Muon(matrices, lr=arguments.rate, weight_decay=0.05, momentum=0.95),
        torch.optim.AdamW(others, lr=arguments.rate * 0.15, weight_decay=0.0, betas=(0.9, 0.98)),
    ]
    bases = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    print(f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} million parameters", flush=True)
    stream = batches(
        Writer(arguments.seed),
        vocabulary.Encoder(tokenizer, 0.08),
        arguments.batch,
        shape.context,
        arguments.brief,
    )
    began, step, seen, shown, mean = time.monotonic(), 0, 0, 0.0, 0.0
    limit = arguments.minutes * 60
    while True:
        spent = time.monotonic() - began
        share = step / arguments.steps if arguments.steps else spent / limit
        if share >= 1:
            break
        for optimizer, base in zip(optimizers, bases, strict=True):
            optimizer.param_groups[0]["lr"] = base * rate(share)
        ids, weights = next(stream)
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16):
            loss, replies = loss_of(network, ids, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step, seen = step + 1, seen + ids.numel()
        mean = replies.item() if step == 1 else 0.97 * mean + 0.03 * replies.item()
        if spent - shown > arguments.every:
            shown = spent
            speed = f"{seen / 1e6:.2f} M tokens, {seen / spent:.0f}/s"
            print(f"{spent:5.0f} s: {step} steps, {speed}, loss {mean:.3f}", flush=True)
            torch.save(network.state_dict(), folder / "weights.pt")
    torch.save(network.state_dict(), folder / "weights.pt")
    print(f"{step} steps, {seen / 1e6:.2f} M tokens, loss {mean:.4f}", flush=True)


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes: repeatable")
    parser.add_argument("--batch", type=int, default=4096, help="tokens")
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--inner", type=int, default=640)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two lines")
    parser.add_argument("--brief", type=float, default=BRIEF, help="share of dialogues with cut replies")
    parser.add_argument("--start-from", type=Path)
    parser.add_argument("--bfloat16", action="store_true")
    return parser.parse_args(words)


if __name__ == "__main__":
    train(arguments())
