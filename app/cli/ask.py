"""`fireside ask`: one question, one reply."""

from __future__ import annotations

import argparse
import json

from app.cli.choosing import choose_model
from app.cli.talking import Listener, add_model_options, load, sampling, settings_with, write_reply
from app.cli.tools import DONE, INTERRUPTED, Tools, WrongUsage, stopping_on_interrupt
from app.core.generation import FinishReason, LoadedModel, Reply, ReplyRequest, Role, Turn


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ask",
        help="one reply, as it is written",
        description="Print one reply. Nothing is kept.",
        epilog='With a document: fireside ask "Summarize this:" - < report.txt',
    )
    add_model_options(parser)
    parser.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="end the reply before this"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object when the reply is done")
    parser.add_argument("prompt", nargs="+", metavar="PROMPT", help="the question; - reads standard input")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Ask, and print the reply."""
    prompt = _prompt(arguments.prompt, tools)
    terminal = tools.terminal
    settings = settings_with(tools.settings(), arguments)
    model = choose_model(tools, arguments.model)
    backend = tools.make_backend()
    listener = Listener(terminal, (lambda _text: None) if arguments.json else terminal.write)
    try:
        with stopping_on_interrupt() as cancel:
            loaded = load(backend, model, settings, terminal, cancel)
            system = settings.text("system_prompt")
            turns = (Turn(Role.SYSTEM, system),) if system.strip() else ()
            request = ReplyRequest((*turns, Turn(Role.USER, prompt)), sampling(settings, (*arguments.stop,)))
            reply = write_reply(backend, request, listener, cancel)
    finally:
        backend.close()
        if listener.text and not arguments.json and not listener.text.endswith("\n"):
            terminal.say()
    if arguments.json:
        terminal.say(_as_json(reply, loaded))
    return INTERRUPTED if reply.finish is FinishReason.CANCELLED else DONE


def _prompt(words: list[str], tools: Tools) -> str:
    if "-" not in words:
        prompt = " ".join(words)
    elif words.count("-") > 1:
        raise WrongUsage("Standard input can be read only once.")
    else:
        read = tools.terminal.input.read()
        at = words.index("-")
        around = (" ".join(words[:at]), read, " ".join(words[at + 1 :]))
        prompt = "\n\n".join(part for part in around if part.strip())
    if not prompt.strip():
        raise WrongUsage("The question is empty.")
    return prompt


def _as_json(reply: Reply, model: LoadedModel) -> str:
    return json.dumps(
        {
            "text": reply.text,
            "finish": reply.finish.value,
            "model": model.name,
            "path": str(model.path),
            "prompt_tokens": reply.stats.prompt_tokens,
            "reply_tokens": reply.stats.reply_tokens,
            "load_seconds": round(model.load_seconds, 4),
            "prompt_seconds": round(reply.stats.prompt_seconds, 4),
            "reply_seconds": round(reply.stats.reply_seconds, 4),
        },
        ensure_ascii=False,
    )
