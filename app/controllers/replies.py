"""Replies being written, whichever chat is open: shown as they come and saved as they grow.

A reply is saved about once a second while it is written. What cannot be written
(a full disk) stays here and is tried again until it can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.controllers.lane import Lane, Ticket
from app.controllers.notices import Notices, words_of
from app.core.conversation import Message, MessageState
from app.core.errors import AppError
from app.core.generation import (
    FinishReason,
    PromptRead,
    Reply,
    ReplyRequest,
    ReplyStats,
    TextArrived,
    ViewBegins,
)
from app.core.notices import NoticeAction
from app.engine.backend import Backend
from app.engine.jobs import reply_job
from app.storage.store import Store

SAVE_EVERY = 600  # milliseconds; with the report's delay a crash costs less than a second


@dataclass(slots=True)
class _End:
    """How a reply ended."""

    state: MessageState
    finish: FinishReason | None = None
    stats: ReplyStats | None = None
    failure: str = ""
    hint: str = ""
    model: str = ""


@dataclass(slots=True)
class _Writing:
    """A reply on its way from the model to the disk."""

    message: Message
    text: str
    saved: str
    ticket: Ticket | None  # None: the model is done with it
    end: _End | None = None
    has_begun: bool = False  # whether text has come


class Replies(QObject):
    """Writes replies, one after the other.

    Signals:
        text_arrived: message id, more text
        progress_changed: message id, what is going on in words; empty when it is over
        view_began: message id of the reply, id of the first message the model sees (None: all)
        ended: Message, as it is now
    """

    text_arrived = Signal(int, str)
    progress_changed = Signal(int, str)
    view_began = Signal(int, object)
    ended = Signal(object)

    def __init__(
        self, store: Store, lane: Lane, backend: Backend, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._lane = lane
        self._backend = backend
        self._notices = notices
        self._writing: dict[int, _Writing] = {}  # by message id
        self._by_ticket: dict[Ticket, _Writing] = {}
        self._timer = QTimer(self, interval=SAVE_EVERY)
        self._timer.timeout.connect(self.save)
        lane.reported.connect(self._on_reported)
        lane.finished.connect(self._on_finished)
        lane.failed.connect(self._on_failed)
        lane.cancelled.connect(self._on_cancelled)
        notices.acted.connect(self._on_acted)

    def start(self, message: Message, request: ReplyRequest) -> None:
        """Have the model write `message`, which is stored in state *writing* with the prefill as its text."""
        if self.is_busy:
            self.progress_changed.emit(message.id, self.tr("Waiting for the reply in another chat…"))
        ticket = self._lane.submit(reply_job(self._backend, request))
        writing = _Writing(message, request.prefill, request.prefill, ticket)
        self._writing[message.id] = writing
        self._by_ticket[ticket] = writing
        self._timer.start()

    @Slot(int)
    def stop(self, message: int) -> None:
        """Stop a reply, keeping what was written."""
        writing = self._writing.get(message)
        if writing is not None and writing.ticket is not None:
            self.progress_changed.emit(message, self.tr("Stopping…"))
            writing.ticket.cancel()

    def stop_all(self) -> bool:
        """Stop every reply, keeping what was written; whether there was any."""
        writing = [w.message.id for t, w in self._by_ticket.items() if not t.token.is_cancelled]
        for message in writing:
            self.stop(message)
        return bool(writing)

    def writing_in(self, conversation: int) -> int | None:
        """Return the id of the reply being written in a conversation; a stopped one no longer counts."""
        for ticket, writing in self._by_ticket.items():
            if writing.message.conversation == conversation and not ticket.token.is_cancelled:
                return writing.message.id
        return None

    @property
    def is_busy(self) -> bool:
        """Whether any reply is being written."""
        return bool(self._by_ticket)

    @property
    def is_unsaved(self) -> bool:
        """Whether anything written here is not on the disk yet."""
        return any(w.text != w.saved or w.end is not None for w in self._writing.values())

    def newest(self, message: Message) -> Message:
        """Return a message as it is here, if it is being written or not saved yet; else as it was given."""
        writing = self._writing.get(message.id)
        if writing is None:
            return message
        message = replace(message, text=writing.text)
        return message if writing.end is None else _ended(message, writing.end)

    @Slot()
    def save(self) -> bool:
        """Write down what has grown since the last time; whether everything so far is on the disk."""
        is_saved = False
        try:
            for writing in list(self._writing.values()):
                self._save(writing)
        except AppError as error:
            self._notices.saving_failed(error)
        else:
            is_saved = True
            self._notices.saving_works()
        if not self._writing:
            self._timer.stop()
        return is_saved

    def close(self) -> None:
        """Save what there is for the last time. Call it when the lane has ended and said its last words."""
        self.save()
        self._timer.stop()

    def _save(self, writing: _Writing) -> None:
        if writing.end is not None:
            end = writing.end
            message = self._store.end_reply(
                writing.message.id,
                writing.text,
                end.state,
                finish=end.finish,
                stats=end.stats,
                failure=end.failure,
                hint=end.hint,
                model=end.model,
            )
            del self._writing[message.id]
            self.ended.emit(message)
        elif writing.text != writing.saved:
            text = writing.text
            self._store.save_reply(writing.message.id, text)
            writing.saved = text

    def _end(self, ticket: Ticket, end: _End) -> None:
        writing = self._by_ticket.pop(ticket, None)
        if writing is None:
            return
        writing.ticket = None
        writing.end = end
        self.progress_changed.emit(writing.message.id, "")
        self.save()
        if writing.end is not None and writing.message.id in self._writing:  # not on the disk yet, but over
            self.ended.emit(self.newest(writing.message))

    @Slot(object, object)
    def _on_reported(self, ticket: Ticket, report: object) -> None:
        writing = self._by_ticket.get(ticket)
        if writing is None:
            return
        identity = writing.message.id
        match report:
            case TextArrived(text):
                if not writing.has_begun:
                    writing.has_begun = True
                    self.progress_changed.emit(identity, "")
                writing.text += text
                self.text_arrived.emit(identity, text)
            case PromptRead(done, total) if not ticket.token.is_cancelled:
                words = self.tr("Reading {done} of {total} tokens…") if done < total else ""
                self.progress_changed.emit(identity, words.format(done=f"{done:,}", total=f"{total:,}"))
            case ViewBegins(first):
                self.view_began.emit(identity, first)

    @Slot(object, object)
    def _on_finished(self, ticket: Ticket, reply: object) -> None:
        if isinstance(reply, Reply):
            state = MessageState.STOPPED if reply.finish is FinishReason.CANCELLED else MessageState.DONE
            self._end(ticket, _End(state, reply.finish, reply.stats, model=reply.model))

    @Slot(object)
    def _on_cancelled(self, ticket: Ticket) -> None:  # stopped before it began
        self._end(ticket, _End(MessageState.STOPPED, FinishReason.CANCELLED))

    @Slot(object, object)
    def _on_failed(self, ticket: Ticket, error: Exception) -> None:
        sentence, hint = words_of(error)
        self._end(ticket, _End(MessageState.FAILED, failure=sentence, hint=hint, model=self._model_name()))

    def _model_name(self) -> str:
        model = self._backend.model
        return model.name if model is not None else ""

    @Slot(object)
    def _on_acted(self, action: NoticeAction) -> None:
        if action is NoticeAction.RETRY_SAVE:
            self.save()


def _ended(message: Message, end: _End) -> Message:
    return replace(
        message,
        state=end.state,
        model=end.model or message.model,
        stats=end.stats,
        finish=end.finish,
        failure=end.failure,
        hint=end.hint,
    )
