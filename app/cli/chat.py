"""`fireside chat`: a conversation in the terminal, kept with all others."""

from __future__ import annotations

import argparse
import importlib
import logging
import time

from app.cli.choosing import choose_model, find_chat
from app.cli.talking import Listener, add_model_options, load, sampling, settings_with, write_reply
from app.cli.tools import DONE, INTERRUPTED, OutputFailed, Terminal, Tools, in_words, stopping_on_interrupt
from app.core.conversation import Message, MessageState
from app.core.errors import AppError, Cancelled
from app.core.generation import FinishReason, LoadedModel, ReplyRequest, Role, Turn
from app.core.settings import Settings
from app.core.titles import title_from
from app.engine.backend import Backend
from app.storage.store import Store

log = logging.getLogger(__name__)

_SAVE_EVERY = 1.0  # seconds between two saves of a reply in the making
_HELP = """\
/new    begin a new chat
/retry  have the last reply written again
/quit   end (so does Ctrl+D)
Ctrl+C stops a reply and keeps what was written. A \\ at the end of a line goes on to the next."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "chat", help="a conversation in the terminal", description=f"Chat. {_HELP}", formatter_class=_Raw
    )
    add_model_options(parser)
    parser.add_argument("--resume", metavar="CHAT", help="go on with a chat: its number or title")
    parser.set_defaults(command=run)


_Raw = argparse.RawDescriptionHelpFormatter


def run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Talk until the user ends it."""
    terminal = tools.terminal
    settings = settings_with(tools.settings(), arguments)
    model = choose_model(tools, arguments.model)
    backend = tools.make_backend()
    with tools.store() as store:
        resumed = find_chat(store, arguments.resume) if arguments.resume else None
        try:
            with stopping_on_interrupt() as cancel:
                try:
                    loaded = load(backend, model, settings, terminal, cancel)
                except Cancelled:
                    return INTERRUPTED
            store.note_model_used(str(loaded.path))
            return Talk(store, backend, loaded, settings, terminal, resumed).run()
        finally:
            backend.close()


class Talk:
    """One sitting at the terminal."""

    def __init__(
        self,
        store: Store,
        backend: Backend,
        model: LoadedModel,
        settings: Settings,
        terminal: Terminal,
        chat: int | None = None,
    ) -> None:
        self._store = store
        self._backend = backend
        self._model = model
        self._settings = settings
        self._terminal = terminal
        self._chat = chat  # None: a new one, made with its first message
        self._saved_at = 0.0
        self._is_telling = terminal.input.isatty()

    def run(self) -> int:
        """Read and reply until the input ends; return the exit status."""
        if self._is_telling:
            _use_readline()
            self._terminal.tell(
                f"{self._model.name}, {self._model.n_ctx:,} tokens. /help lists the commands."
            )
        while (line := self._read()) is not None:
            if not self._obey(line):
                break
        return DONE

    def _obey(self, line: str) -> bool:
        """Do what a line says; return whether to go on."""
        match line.strip():
            case "":
                pass
            case "/quit" | "/exit":
                return False
            case "/new":
                self._chat = None
                self._terminal.tell("(A new chat.)")
            case "/help":
                self._terminal.tell(_HELP)
            case "/retry":
                self._retry()
            case word if word.startswith("/") and word[1:].isalpha():
                self._terminal.tell(f"{word} is no command. /help lists them.")
            case _:
                self._send(line)
        return True

    def _read(self) -> str | None:
        """Return what the user wrote, None at the end of the input."""
        lines: list[str] = []
        while True:
            try:
                line = self._read_line("> " if not lines else "… ")
            except KeyboardInterrupt:
                self._terminal.tell("\n(Ctrl+D ends.)")
                lines = []
                continue
            if line is None:
                return "\n".join(lines) if lines else None
            if not line.endswith("\\"):
                return "\n".join([*lines, line])
            lines.append(line[:-1])

    def _read_line(self, prompt: str) -> str | None:
        if self._is_telling:
            try:
                return input(prompt)
            except EOFError:
                self._terminal.tell("")
                return None
        line = self._terminal.input.readline()
        return line.rstrip("\n") if line else None

    def _send(self, text: str) -> None:
        options = sampling(self._settings)
        try:
            if self._chat is None:
                chat = self._store.new_conversation(
                    system_prompt=self._settings.text("system_prompt"), model=str(self._model.path)
                )
                self._store.rename(chat.id, title_from(text), by_user=False)
                self._chat = chat.id
            branch = self._store.branch(self._chat)
            parent = branch[-1].id if branch else None
            _, reply = self._store.add_exchange(
                self._chat, text, parent=parent, model=self._model.name, options=options
            )
        except AppError as error:
            self._complain(error)
            self._terminal.tell("(Your message was not sent.)")
            return
        self._reply(reply)

    def _retry(self) -> None:
        branch = self._store.branch(self._chat) if self._chat is not None else []
        asked = [message for message in branch if message.role is Role.USER]
        if not asked:
            self._terminal.tell("There is nothing to write again.")
            return
        try:
            options = sampling(self._settings)
            reply = self._store.add_reply(asked[-1].id, model=self._model.name, options=options)
        except AppError as error:
            self._complain(error)
            return
        self._reply(reply)

    def _reply(self, message: Message) -> None:
        """Write a reply and keep it, however it ends."""

        def keep(text: str) -> None:
            self._keep_so_far(message.id, text)

        listener = Listener(self._terminal, self._terminal.write, on_text=keep)
        request = ReplyRequest(self._turns(message), sampling(self._settings))
        self._saved_at = time.monotonic()
        try:
            with stopping_on_interrupt() as cancel:
                reply = write_reply(self._backend, request, listener, cancel)
        except OutputFailed:
            self._end(message.id, listener.text, MessageState.STOPPED)
            raise
        except AppError as error:
            self._end(message.id, listener.text, MessageState.FAILED, failure=str(error), hint=error.hint)
            self._close_line(listener.text)
            self._complain(error)
        except BaseException:  # a second Ctrl+C, a closed pipe: what was written is kept before it goes on
            self._end(message.id, listener.text, MessageState.STOPPED)
            raise
        else:
            is_stopped = reply.finish is FinishReason.CANCELLED
            state = MessageState.STOPPED if is_stopped else MessageState.DONE
            self._end(message.id, reply.text, state, finish=reply.finish, stats=reply.stats)
            self._close_line(reply.text)
            if is_stopped:
                self._terminal.tell("(Stopped. What was written is kept.)")

    def _turns(self, reply: Message) -> tuple[Turn, ...]:
        assert self._chat is not None
        system = self._store.conversation(self._chat).system_prompt
        above = [m for m in self._store.branch(self._chat) if m.id != reply.id and m.text.strip()]
        turns = [Turn(m.role, m.text, m.id, m.pinned) for m in above]
        return (Turn(Role.SYSTEM, system), *turns) if system.strip() else tuple(turns)

    def _keep_so_far(self, message: int, text: str) -> None:
        if time.monotonic() - self._saved_at < _SAVE_EVERY:
            return
        self._saved_at = time.monotonic()
        try:
            self._store.save_reply(message, text)
        except AppError as error:
            log.warning("a reply is not saved yet: %s", type(error).__name__)  # told if its end fails too

    def _end(self, message: int, text: str, state: MessageState, **facts: object) -> None:
        try:
            self._store.end_reply(message, text, state, **facts)  # type: ignore[arg-type]  # passed through
        except AppError as error:
            self._complain(error)

    def _close_line(self, text: str) -> None:
        if text and not text.endswith("\n"):
            self._terminal.say()

    def _complain(self, error: AppError) -> None:
        self._terminal.tell(in_words(error))


def _use_readline() -> None:
    """Let the arrow keys work in `input`, where the system can."""
    try:
        importlib.import_module("readline")
    except ImportError:
        log.info("no readline on this system")
