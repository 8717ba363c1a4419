"""The messages of the open branch, one below the other.

Only a stretch of the branch has widgets: the newest messages first, others as the reader comes near
them. What streams in redraws the one message being written, and the view follows it only while the
reader is at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from app.core.conversation import Message, MessageState
from app.core.generation import Role
from app.ui import message_words
from app.ui.arrivals import Arrivals
from app.ui.jump_button import JumpButton
from app.ui.message_view import MARGIN, MessageView

MEASURE = 760  # pixels: longer lines are hard to read
_STRETCH = 8  # messages that are given widgets at once
_NEAR = 900  # pixels from the end of the stretch at which more is made


class Transcript(QScrollArea):
    """Shows the messages of one branch.

    Signals, all with message ids:
        retry_requested, continue_requested, models_requested, sibling_requested
        edit_requested: and the new text
        settled: nothing is waiting to be drawn
    """

    retry_requested = Signal(int)
    continue_requested = Signal(int)
    models_requested = Signal()
    sibling_requested = Signal(int)
    edit_requested = Signal(int, str)
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._messages: list[Message] = []
        self._views: dict[int, MessageView] = {}  # of the messages [first, last)
        self._first = self._last = 0
        self._view_begins: int | None = None
        self._progress: dict[int, str] = {}
        self._is_replying = False
        self._follows = True
        self._is_arranging = False
        self._column = QWidget()
        self.setWidget(self._column)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Messages"))
        self._arrivals = Arrivals(self)
        self._arrivals.due.connect(self._draw_arrivals)
        self._arrange_timer = QTimer(self, singleShot=True)
        self._arrange_timer.timeout.connect(self._arrange)
        self._grow_timer = QTimer(self, singleShot=True)
        self._grow_timer.timeout.connect(self._grow)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        # it always keeps its place, so that lines do not break anew, but shows nothing to hold while all fits
        self.verticalScrollBar().rangeChanged.connect(
            lambda _least, most: self.verticalScrollBar().setEnabled(most > 0)
        )
        self._newest = JumpButton(self)
        self._newest.clicked.connect(self.jump_to_newest)

    # -- what is shown

    @property
    def messages(self) -> list[Message]:
        """The messages of the branch, the oldest first."""
        return list(self._messages)

    def show_messages(self, messages: Sequence[Message]) -> None:
        """Show another branch, from its end."""
        self._forget_views(list(self._views))
        self._messages = list(messages)
        self._arrivals.clear()
        self._progress.clear()
        self._show_end()

    def show_branch(self, messages: Sequence[Message]) -> None:
        """Show the branch anew, keeping the widgets of the messages it shares with the one before."""
        was_following = self._follows
        known = {message.id for message in messages}
        self._forget_views([id_ for id_ in self._views if id_ not in known])
        old, self._messages = self._messages, list(messages)
        kept = [i for i, message in enumerate(self._messages) if message.id in self._views]
        if not kept or kept != list(range(kept[0], kept[-1] + 1)):
            self._forget_views(list(self._views))
            self._show_end()
            return
        before = {message.id: message for message in old}
        for index in kept:
            message = self._messages[index]
            if message != before.get(message.id):
                self._views[message.id].show_message(message)
        self._first, self._last = kept[0], kept[-1] + 1
        self._follows = was_following
        self._add_below(len(self._messages) - self._last)
        self._arrange()

    def add_message(self, message: Message) -> None:
        """Put a message at the end; one's own is always scrolled to."""
        self._messages.append(message)
        if self._last < len(self._messages) - 1:
            self._forget_views(list(self._views))
            self._show_end()
            return
        self._follows = self._follows or message.role is Role.USER
        self._add_below(1)
        self._arrange()

    def add_text(self, message: int, text: str) -> None:
        """Add text to a reply; it is drawn with the next flush."""
        self._arrivals.add(message, text)
        self._progress.pop(message, None)

    def show_message(self, message: Message) -> None:
        """Show a message as it is now, with all of its text."""
        self._arrivals.forget(message.id)
        for index in range(len(self._messages) - 1, -1, -1):
            if self._messages[index].id == message.id:
                self._messages[index] = message
                break
        view = self._views.get(message.id)
        if view is not None:
            view.show_message(message)
            self._arrange()

    def show_progress(self, message: int, words: str) -> None:
        """Say in a message that is being written what is done before its text comes."""
        self._progress[message] = words
        if message in self._views:
            self._views[message].show_progress(words)

    def show_view_begins(self, message: int | None) -> None:
        """Draw the line above the first message the model sees; None: it sees all."""
        self._view_begins = message
        self._tell_places()

    def show_replying(self, is_replying: bool) -> None:
        """Tell whether a reply is being written, in which case nothing can be retried or edited."""
        self._is_replying = is_replying
        self._tell_places()

    def reveal(self, message: int) -> None:
        """Scroll to a message and give it the focus."""
        index = next((i for i, m in enumerate(self._messages) if m.id == message), None)
        if index is None:
            return
        self._follows = False
        if not self._first <= index < self._last:
            self._forget_views(list(self._views))
            self._first = self._last = max(0, index - 2)
            self._add_below(_STRETCH)
        self._arrange()
        self._scroll_to(self._views[message].y() - 24)
        self._views[message].setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._grow_timer.start(0)

    def jump_to_newest(self) -> None:
        """Go to the end and follow it."""
        if self._last < len(self._messages):
            self._forget_views(list(self._views))
            self._show_end()
        self._follows = True
        self._scroll_to(self.verticalScrollBar().maximum())
        self._place_newest()

    def last_of(self, role: Role) -> MessageView | None:
        """Return the view of the last message of a role, where it has one."""
        for message in reversed(self._messages):
            if message.role is role:
                return self._views.get(message.id)
        return None

    def focused_view(self) -> MessageView | None:
        """Return the message that has the focus, or in which something has it."""
        widget = self.focusWidget() if self.isAncestorOf(self.window().focusWidget() or self) else None
        while widget is not None and not isinstance(widget, MessageView):
            widget = widget.parentWidget()
        return widget

    def focus_messages(self) -> None:
        """Put the focus on the last message."""
        if self._messages:
            self.jump_to_newest()
            self._views[self._messages[-1].id].setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def as_markdown(self) -> str:
        """Return the whole branch as Markdown."""
        parts = [f"**{message_words.author(m)}**\n\n{m.text}" for m in self._messages if m.text]
        return "\n\n---\n\n".join(parts)

    # -- widgets for a stretch of it

    def _show_end(self) -> None:
        self._first = self._last = len(self._messages)
        self._follows = True
        self._add_above(_STRETCH, until=self.viewport().height() + 100)
        self._arrange()
        self._grow_timer.start(0)

    def _add_above(self, count: int, until: int = 1_000_000) -> None:
        width, height = self._measure(), 0
        while count and self._first > 0 and height < until:
            self._first -= 1
            count -= 1
            height += self._make_view(self._messages[self._first]).lay_out(width)

    def _add_below(self, count: int) -> None:
        for message in self._messages[self._last : self._last + count]:
            self._make_view(message)
            self._last += 1

    def _make_view(self, message: Message) -> MessageView:
        view = MessageView(message, self._column)
        view.show_progress(self._progress.get(message.id, ""))
        view.resized.connect(self._on_view_resized)
        view.retry_requested.connect(self.retry_requested)
        view.continue_requested.connect(self.continue_requested)
        view.models_requested.connect(self.models_requested)
        view.edit_requested.connect(self.edit_requested)
        view.sibling_requested.connect(self.sibling_requested)
        view.neighbor_requested.connect(self._on_neighbor_requested)
        self._views[message.id] = view
        self._tell_place(message)
        view.show()
        return view

    def _forget_views(self, ids: Sequence[int]) -> None:
        for id_ in ids:
            view = self._views.pop(id_)
            view.hide()
            view.deleteLater()

    def _grow(self) -> None:
        bar = self.verticalScrollBar()
        if self._first > 0 and bar.value() < _NEAR:
            self._add_above(4)
        elif self._last < len(self._messages) and bar.maximum() - bar.value() < _NEAR:
            self._add_below(4)
        else:
            return
        self._arrange()
        self._grow_timer.start(0)

    def _tell_places(self) -> None:
        for message in self._messages[self._first : self._last]:
            self._tell_place(message)

    def _tell_place(self, message: Message) -> None:
        view = self._views[message.id]
        view.show_place(message.id == self._messages[-1].id, self._is_replying)
        is_first_seen = message.id == self._view_begins
        view.show_divider(self.tr("The model sees from here on") if is_first_seen else "")
        view.setToolTip(
            self.tr(
                "What stands above no longer fits into the model's context window. It is kept, "
                "and you can read it, but the model does not see it."
            )
            if is_first_seen
            else ""
        )

    # -- geometry

    def _measure(self) -> int:
        return min(MEASURE + 2 * MARGIN, self.viewport().width() - 24)

    def _arrange(self) -> None:
        """Place the views, and keep in place what the reader looks at."""
        self._arrange_timer.stop()
        bar, width = self.verticalScrollBar(), self._measure()
        if width < 50:
            return
        self._is_arranging = True
        anchor = None if self._follows else self._topmost()
        offset = anchor.y() - bar.value() if anchor is not None else 0
        left = (self.viewport().width() - width) // 2
        top = 24
        self._tell_places()
        for message in self._messages[self._first : self._last]:
            view = self._views[message.id]
            height = view.lay_out(width)
            view.setGeometry(left, top, width, height)
            top += height
        self._column.resize(self.viewport().width(), max(top + 12, self.viewport().height()))
        if self._follows:
            bar.setValue(bar.maximum())
        elif anchor is not None:
            bar.setValue(anchor.y() - offset)
        self._is_arranging = False
        self._place_newest()

    def _topmost(self) -> MessageView | None:
        value = self.verticalScrollBar().value()
        for message in self._messages[self._first : self._last]:
            view = self._views[message.id]
            # height 0: it was made just now and has no place yet
            if view.testAttribute(Qt.WidgetAttribute.WA_Resized) and view.geometry().bottom() > value:
                return view
        return None

    def _scroll_to(self, value: int) -> None:
        self.verticalScrollBar().setValue(value)

    def _place_newest(self) -> None:
        is_away = not self._follows or self._last < len(self._messages)
        self._newest.show_away(is_away and bool(self._messages))

    # -- what happens

    def _draw_arrivals(self, texts: dict[int, str]) -> None:
        for index in range(len(self._messages) - 1, -1, -1):
            message = self._messages[index]
            text = texts.pop(message.id, "")
            if not text:
                continue
            self._messages[index] = replace(message, text=message.text + text, state=MessageState.WRITING)
            view = self._views.get(message.id)
            if view is not None:
                self._is_arranging = True  # its place is seen to here, once
                view.show_message(self._messages[index])
                self._is_arranging = False
                self._place_written(view)
            if not texts:
                break
        self.settled.emit()

    def _place_written(self, view: MessageView) -> None:
        if view.message.id != self._messages[-1].id:
            self._arrange()
            return
        height = view.lay_out(self._measure())
        view.resize(view.width(), height)
        self._column.resize(
            self._column.width(), max(view.geometry().bottom() + 13, self.viewport().height())
        )
        if self._follows:
            self._is_arranging = True
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
            self._is_arranging = False

    def _on_view_resized(self) -> None:
        if not self._is_arranging and not self._arrange_timer.isActive():
            self._arrange_timer.start(0)

    def _on_scrolled(self, value: int) -> None:
        if self._is_arranging:
            return
        at_end = value >= self.verticalScrollBar().maximum() - 4
        self._follows = at_end and self._last == len(self._messages)
        self._place_newest()
        if not self._grow_timer.isActive():
            self._grow_timer.start(0)

    def _on_neighbor_requested(self, step: int) -> None:
        view = self.sender()
        if not isinstance(view, MessageView):
            return
        ids = [message.id for message in self._messages]
        index = ids.index(view.message.id) + step
        if 0 <= index < len(ids) and ids[index] in self._views:
            neighbor = self._views[ids[index]]
            neighbor.setFocus(Qt.FocusReason.TabFocusReason)
            self.ensureWidgetVisible(neighbor, 0, 24)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll to the very ends with Home and End, from anywhere in the transcript."""
        if event.key() == Qt.Key.Key_End:
            self.jump_to_newest()
        elif event.key() == Qt.Key.Key_Home and self._messages:
            self.reveal(self._messages[0].id)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Draw everything anew for another theme or text size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.ApplicationFontChange):
            for view in self._views.values():
                view.render_again()
