"""The rooms behind the window, connected as the program connects them, with a scripted model."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.controllers.chat import ChatController
from app.controllers.chats import ChatsController
from app.controllers.lane import Lane
from app.controllers.models import ModelsController
from app.controllers.notices import Notices
from app.controllers.replies import Replies
from app.controllers.settings import SettingsController
from app.core.generation import LoadSpec
from app.core.jobs import CancelToken
from app.core.settings import Settings
from app.engine.fake import FakeBackend
from app.library.deferred import DeferredShelf

MODEL = Path("/models/scripted.gguf")


class Pocket:
    """Keeps settings in memory."""

    def __init__(self):
        self.saved = []

    def save(self, settings):
        self.saved.append(settings)


class Desk:
    """Everything but the window. `heard` has what the chat controller said, as (signal, *arguments)."""

    def __init__(self, store, folder, backend=None, *, is_loaded=True, settings=None, guide=None):
        self.store = store
        self.backend = backend or FakeBackend()
        if is_loaded:
            self.backend.load(LoadSpec(MODEL, name="Scripted"), lambda _: None, CancelToken())
        self.folder = folder
        self.notices = Notices()
        self.engine = Lane("engine", at_end=self.backend.close)
        self.files = Lane("files")
        self.pocket = Pocket()
        self.settings = SettingsController(settings or Settings(), self.pocket, self.notices)
        self.models = ModelsController(
            store,
            DeferredShelf(guide),
            lambda: self.folder,
            self.engine,
            self.files,
            self.backend,
            self.settings,
            self.notices,
        )
        self.replies = Replies(store, self.engine, self.backend, self.notices)
        self.chats = ChatsController(store, self.notices)
        self.chat = ChatController(
            store,
            self.engine,
            self.backend,
            self.replies,
            self.models,
            self.chats,
            self.settings,
            self.notices,
        )
        self.told = []
        self.notices.posted.connect(self.told.append)
        self.heard = []
        for name in (
            "opened",
            "branch_changed",
            "message_added",
            "text_arrived",
            "message_changed",
            "progress_changed",
            "replying_changed",
            "draft_changed",
            "usage_changed",
            "view_begins_changed",
            "title_changed",
            "details_changed",
            "message_revealed",
        ):
            getattr(self.chat, name).connect(self._hear(name))

    def _hear(self, name):
        return lambda *arguments: self.heard.append((name, *arguments))

    def all_heard(self, name):
        return [arguments for signal, *arguments in self.heard if signal == name]

    def say(self, qtbot, text):
        """Send and wait for the reply."""
        with qtbot.waitSignal(self.replies.ended, timeout=5000) as ended:
            self.chat.send(text)
        return ended.args[0]

    def branch(self):
        return self.store.branch(self.chat.conversation_id)

    def close(self):
        ended = [self.engine.close(), self.files.close()]
        QCoreApplication.sendPostedEvents()
        self.replies.close()
        self.chats.close()
        assert all(ended)
