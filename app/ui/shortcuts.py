"""The one list of key combinations, from which the actions and the F1 page are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

_tr = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One thing the keyboard does."""

    name: str  # of what it does, the same in all languages
    group: str
    words: str
    keys: tuple[str, ...]  # the first is the one shown; empty where Qt's `standard` says
    standard: QKeySequence.StandardKey | None = None
    is_own: bool = True  # False: a view handles the key itself, it stands here to be told

    def sequences(self) -> list[QKeySequence]:
        """Return the key combinations, the platform's own first."""
        own = [QKeySequence(keys) for keys in self.keys]
        usual = QKeySequence.keyBindings(self.standard) if self.standard is not None else []
        return [*usual, *(keys for keys in own if keys not in usual)]


def all_shortcuts() -> list[Shortcut]:
    """Return every shortcut in the order they are told."""
    chats, message = _tr("Shortcuts", "Chats"), _tr("Shortcuts", "Messages")
    writing, window = _tr("Shortcuts", "Writing"), _tr("Shortcuts", "Window")
    key = QKeySequence.StandardKey
    return [
        Shortcut("new_chat", chats, _tr("Shortcuts", "New chat"), ("Ctrl+N",), key.New),
        Shortcut("search", chats, _tr("Shortcuts", "Search all chats"), ("Ctrl+K", "Ctrl+Shift+F")),
        Shortcut("previous_chat", chats, _tr("Shortcuts", "Previous chat"), ("Ctrl+PgUp",)),
        Shortcut("next_chat", chats, _tr("Shortcuts", "Next chat"), ("Ctrl+PgDown",)),
        Shortcut("rename", chats, _tr("Shortcuts", "Rename the chat"), ("F2",)),
        Shortcut("pin", chats, _tr("Shortcuts", "Pin or unpin the chat"), ("Ctrl+P",)),
        Shortcut("trash", chats, _tr("Shortcuts", "Move the chat to the trash"), ("Ctrl+Shift+Backspace",)),
        Shortcut("trash_line", chats, _tr("Shortcuts", "… in the list of chats"), ("Delete",), is_own=False),
        Shortcut("undo_trash", chats, _tr("Shortcuts", "Take it out again"), ("Alt+U",)),
        Shortcut("export", chats, _tr("Shortcuts", "Export the chat"), ("Ctrl+Shift+S",)),
        Shortcut("options", chats, _tr("Shortcuts", "Options of the chat"), ("Ctrl+Shift+O",)),
        Shortcut("write", writing, _tr("Shortcuts", "Go to the message field"), ("Ctrl+L",)),
        Shortcut("stop", writing, _tr("Shortcuts", "Stop the reply, or the loading of a model"), ("Esc",)),
        Shortcut("retry", message, _tr("Shortcuts", "Write the last reply again"), ("Ctrl+R",)),
        Shortcut("edit", message, _tr("Shortcuts", "Edit your last message"), ("Ctrl+E",)),
        Shortcut(
            "edit_up", message, _tr("Shortcuts", "… from an empty message field"), ("Up",), is_own=False
        ),
        Shortcut("continue", message, _tr("Shortcuts", "Continue a reply cut short"), ("Ctrl+Shift+Return",)),
        Shortcut("copy_reply", message, _tr("Shortcuts", "Copy the last reply"), ("Ctrl+Shift+C",)),
        Shortcut("sibling_before", message, _tr("Shortcuts", "Previous version"), ("Alt+Left",)),
        Shortcut("sibling_after", message, _tr("Shortcuts", "Next version"), ("Alt+Right",)),
        Shortcut("messages", message, _tr("Shortcuts", "Go to the messages"), ("F6",)),
        Shortcut(
            "walk",
            message,
            _tr("Shortcuts", "From message to message, when one has the focus"),
            ("Up", "Down", "J", "K"),
            is_own=False,
        ),
        Shortcut(
            "message_menu",
            message,
            _tr("Shortcuts", "What can be done with a message"),
            ("Shift+F10",),
            is_own=False,
        ),
        Shortcut("pick_model", window, _tr("Shortcuts", "Choose a model"), ("Ctrl+Shift+M",)),
        Shortcut("models", window, _tr("Shortcuts", "Models"), ("Ctrl+M",)),
        Shortcut(
            "refresh_models", window, _tr("Shortcuts", "… look for models again"), ("F5",), is_own=False
        ),
        Shortcut("settings", window, _tr("Shortcuts", "Settings"), ("Ctrl+,",)),
        Shortcut("sidebar", window, _tr("Shortcuts", "Show or hide the list of chats"), ("Ctrl+B",)),
        Shortcut("full_screen", window, _tr("Shortcuts", "Full screen"), ("F11",)),
        Shortcut("shortcuts", window, _tr("Shortcuts", "This list"), ("F1",)),
        Shortcut("quit", window, _tr("Shortcuts", "Quit"), ("Ctrl+Q",)),
    ]


def make_actions(window: QWidget, doings: Mapping[str, Callable[[], None]]) -> dict[str, QAction]:
    """Give the window an action for every shortcut of its own. Raises `KeyError` where a doing is missing."""
    actions = {}
    for shortcut in all_shortcuts():
        if not shortcut.is_own:
            continue
        action = QAction(shortcut.words, window)
        action.setShortcuts(shortcut.sequences())
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(_quietly(doings[shortcut.name]))
        window.addAction(action)
        actions[shortcut.name] = action
    return actions


def is_wanted(event: QEvent, key: Qt.Key) -> bool:
    """Take a key that is also a shortcut of the window, when Qt asks for it; return whether that was so.

    Without that the window's shortcut comes first, and the view never hears of the key.
    """
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.key() != key or event.modifiers() != Qt.KeyboardModifier.NoModifier:
        return False
    event.accept()
    return True


def _quietly(doing: Callable[[], None]) -> Callable[[bool], None]:
    def do(_checked: bool = False) -> None:
        doing()

    return do
