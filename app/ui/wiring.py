"""Connects the views of the window with the controllers: wishes one way, news the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QPlainTextEdit, QTextEdit

from app.core.conversation import Conversation, ConversationLine, Message
from app.core.generation import LoadedModel, Role
from app.core.models import ModelFile
from app.core.notices import Notice, NoticeAction, NoticeKind
from app.core.settings import Settings
from app.ui.message_view import MessageView
from app.ui.shortcuts import make_actions

if TYPE_CHECKING:
    from app.controllers.chat import ChatController
    from app.controllers.chats import ChatsController
    from app.controllers.models import ModelsController
    from app.controllers.notices import Notices
    from app.controllers.settings import SettingsController
    from app.ui.copy_strip import CopyStrip
    from app.ui.main_window import MainWindow
    from app.ui.models_page import ModelsPage
    from app.ui.settings_dialog import SettingsDialog
    from app.ui.trash_page import TrashPage


class Wiring(QObject):
    """Holds the window's views and the controllers together."""

    def __init__(
        self,
        window: MainWindow,
        chat: ChatController,
        chats: ChatsController,
        models: ModelsController,
        settings: SettingsController,
        notices: Notices,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._chat, self._chats, self._models = chat, chats, models
        self._settings, self._notices = settings, notices
        self._model_files: list[ModelFile] = []
        self._title = ""
        self._marked = 0  # the chat that the list shows as the open one
        self._connect_chat()
        self._connect_chats()
        self._connect_models()
        self._connect_settings()
        notices.posted.connect(window.notice_bar.show_notice)
        notices.withdrawn.connect(window.notice_bar.withdraw)
        window.notice_bar.acted.connect(self._on_acted)
        self.actions = make_actions(window, self._doings())
        self._on_settings_changed(settings.settings)
        self._on_model_changed(models.model)

    # -- the open chat

    def _connect_chat(self) -> None:
        chat, page, header = self._chat, self._window.chat_page, self._window.header
        transcript, composer = page.transcript, page.composer
        chat.opened.connect(self._on_opened)
        chat.branch_changed.connect(page.show_branch)
        chat.message_added.connect(page.add_message)
        chat.text_arrived.connect(transcript.add_text)
        chat.message_changed.connect(transcript.show_message)
        chat.progress_changed.connect(transcript.show_progress)
        chat.replying_changed.connect(transcript.show_replying)
        chat.replying_changed.connect(composer.show_replying)
        chat.draft_changed.connect(composer.show_draft)
        chat.usage_changed.connect(composer.show_usage)
        chat.view_begins_changed.connect(transcript.show_view_begins)
        chat.title_changed.connect(self._on_title_changed)
        chat.message_revealed.connect(transcript.reveal)
        composer.send_requested.connect(chat.send)
        composer.stop_requested.connect(chat.stop)
        composer.draft_edited.connect(chat.edit_draft)
        composer.edit_last_requested.connect(self._edit_last)
        transcript.retry_requested.connect(chat.retry)
        transcript.edit_requested.connect(chat.edit)
        transcript.sibling_requested.connect(chat.choose_sibling)
        transcript.continue_requested.connect(chat.continue_reply)
        transcript.models_requested.connect(self._show_models)
        header.rename_requested.connect(self._chat.rename)
        header.rename_ended.connect(self._window.show_chat)
        header.options_requested.connect(self._show_options)
        header.export_requested.connect(self._export_opened)
        header.trash_requested.connect(self._trash_opened)
        header.copy_chat_requested.connect(self._copy_chat)
        header.sidebar_requested.connect(self._window.toggle_sidebar)
        header.shortcuts_requested.connect(self._show_shortcuts)

    def _on_opened(self, conversation: Conversation, messages: list[Message]) -> None:
        self._mark(conversation.id)
        self._on_title_changed(conversation.title)
        self._window.chat_page.transcript.show_view_begins(None)
        self._window.chat_page.show_messages(messages)
        self._window.show_chat()

    def _on_title_changed(self, title: str) -> None:
        self._title = title
        self._window.header.show_title(title)
        self._window.setWindowTitle(f"{title} – Fireside" if title else "Fireside")

    def _copy_chat(self) -> None:
        QGuiApplication.clipboard().setText(self._window.chat_page.transcript.as_markdown())
        self._notices.post(Notice(NoticeKind.NEWS, self.tr("The whole chat was copied."), topic="copied"))

    def _show_options(self) -> None:
        from app.ui.chat_options_dialog import ChatOptionsDialog  # noqa: PLC0415  not before it is wanted

        prompt, options = self._chat.details
        dialog = ChatOptionsDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show_details(prompt, options, self._settings.settings)
        dialog.details_accepted.connect(self._chat.set_details)
        dialog.open()

    # -- the list of chats

    def _connect_chats(self) -> None:
        chats, sidebar = self._chats, self._window.sidebar
        chats.listed.connect(self._on_chats_listed)
        chats.found.connect(sidebar.show_hits)
        sidebar.new_chat_requested.connect(self._new_chat)
        sidebar.search_requested.connect(chats.search)
        sidebar.models_requested.connect(self._show_models)
        sidebar.settings_requested.connect(self._show_settings)
        sidebar.trash_view_requested.connect(self._show_trash)
        lines = sidebar.chats
        lines.open_requested.connect(self._open)
        lines.rename_requested.connect(chats.rename)
        lines.pin_requested.connect(chats.pin)
        lines.trash_requested.connect(chats.trash)
        lines.export_requested.connect(self._export)

    def _on_chats_listed(self, lines: list[ConversationLine]) -> None:
        self._window.sidebar.show_chats(lines)
        opened = self._chat.conversation_id or 0
        if opened != self._marked:  # a new chat was stored
            self._mark(opened)

    def _mark(self, conversation: int) -> None:
        self._marked = conversation
        self._window.sidebar.show_opened(conversation)

    def _new_chat(self) -> None:
        self._window.chat_page.composer.flush()
        self._chat.new_chat()
        self._window.show_chat()

    def _open(self, conversation: int, message: int | None) -> None:
        self._window.chat_page.composer.flush()
        if conversation != self._chat.conversation_id or message is not None:
            self._chat.open(conversation, message)
        if message is None:
            self._window.show_chat()
        else:
            self._window.show_page(self._window.chat_page)

    def _opened_line(self) -> ConversationLine | None:
        opened = self._chat.conversation_id
        return self._window.sidebar.line_of(opened) if opened is not None else None

    def _pin_opened(self) -> None:
        line = self._opened_line()
        if line is not None:
            self._chats.pin(line.id, not line.is_pinned)

    def _trash_opened(self) -> None:
        if self._chat.conversation_id is not None:
            self._chats.trash(self._chat.conversation_id)

    def _export_opened(self) -> None:
        if self._chat.conversation_id is not None:
            self._export(self._chat.conversation_id)

    def _export(self, conversation: int) -> None:
        line = self._window.sidebar.line_of(conversation)
        title = line.title if line is not None else self._title
        name = re.sub(r'[\\/:*?"<>|\x00-\x1f]+', " ", title).strip()[:80] or self.tr("chat")
        path, chosen = QFileDialog.getSaveFileName(
            self._window, self.tr("Export the chat"), f"{name}.md", "Markdown (*.md);;JSON (*.json)"
        )
        if path:
            has_ending = path.lower().endswith((".md", ".json"))
            ending = "" if has_ending else ".json" if "json" in chosen else ".md"
            self._chats.export(conversation, path + ending)

    @cached_property
    def _trash_page(self) -> TrashPage:
        from app.ui.trash_page import TrashPage  # noqa: PLC0415  not before it is wanted

        page = TrashPage()
        self._chats.trash_listed.connect(page.show_chats)
        page.restore_requested.connect(self._chats.restore)
        page.purge_requested.connect(self._chats.purge)
        page.empty_requested.connect(self._chats.empty_trash)
        page.back_requested.connect(self._window.show_chat)
        return page

    def _show_trash(self) -> None:
        self._window.show_page(self._trash_page)
        self._chats.list_trash()
        self._trash_page.view.setFocus()

    # -- models

    def _connect_models(self) -> None:
        models, picker, welcome = self._models, self._window.header.picker, self._window.chat_page.welcome
        models.listed.connect(self._on_models_listed)
        models.model_changed.connect(self._on_model_changed)
        models.load_progressed.connect(picker.show_progress)
        models.load_ended.connect(picker.show_load_ended)
        picker.load_requested.connect(models.load)
        picker.load_requested.connect(self._window.chat_page.composer.take_focus)
        picker.unload_requested.connect(models.unload)
        picker.unload_requested.connect(picker.show_unloading)
        picker.unload_requested.connect(self._window.chat_page.composer.take_focus)
        picker.stop_requested.connect(models.stop_loading)
        picker.add_requested.connect(self._add_file)
        picker.models_requested.connect(self._show_models)
        welcome.add_requested.connect(self._add_file)
        welcome.folder_requested.connect(self._add_folder)
        welcome.models_requested.connect(self._show_models)
        models.copy_progressed.connect(lambda name, done: self.copy_strip.show_progress(name, done))
        self._window.files_dropped.connect(lambda paths: models.add_files(paths, False))

    def _on_models_listed(self, files: list[ModelFile]) -> None:
        self._model_files = files
        self._window.header.picker.show_models(files)
        self._show_welcome()

    def _on_model_changed(self, model: LoadedModel | None) -> None:
        self._window.header.picker.show_model(model)
        self._show_welcome()

    def _show_welcome(self) -> None:
        model = self._models.model
        has_own = any(not file.problem and not file.is_builtin for file in self._model_files)
        self._window.chat_page.welcome.show_state(
            has_own, model.name if model is not None else "", self._models.name
        )

    def _add_file(self, copy: bool = False) -> None:
        paths, _ = QFileDialog.getOpenFileNames(
            self._window, self.tr("Add models"), "", self.tr("Models (*.gguf);;All files (*)")
        )
        if paths:
            self._models.add_files(paths, copy)

    def _add_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._window, self.tr("Choose the folder with your models"))
        if folder:
            self._models.add_folder(folder)

    @cached_property
    def copy_strip(self) -> CopyStrip:
        """What tells how far models are copied."""
        from app.ui.copy_strip import CopyStrip  # noqa: PLC0415  not before it is wanted

        strip = CopyStrip()
        strip.stop_requested.connect(self._models.stop_adding)
        self._window.add_strip(strip)
        return strip

    @cached_property
    def _models_page(self) -> ModelsPage:
        from app.ui.models_page import ModelsPage  # noqa: PLC0415  not before it is wanted

        page = ModelsPage()
        self._models.listed.connect(page.show_models)
        self._models.model_changed.connect(page.show_model)
        self._models.scan_started.connect(page.show_scanning)
        page.load_requested.connect(self._models.load)
        page.remove_requested.connect(self._models.remove)
        page.add_requested.connect(self._add_file)
        page.folder_requested.connect(self._add_folder)
        page.refresh_requested.connect(self._models.refresh)
        page.back_requested.connect(self._window.show_chat)
        page.show_models(self._model_files)
        page.show_model(self._models.model)
        return page

    def _show_models(self) -> None:
        self._window.show_page(self._models_page)
        self._models_page.view.setFocus()

    # -- settings, notices

    def _connect_settings(self) -> None:
        self._settings.changed.connect(self._on_settings_changed)

    def _on_settings_changed(self, settings: Settings) -> None:
        self._window.theme.show(settings.text("theme"), settings.whole("text_size"))
        self._window.chat_page.composer.show_send_key(settings.text("send_key"))

    @cached_property
    def _settings_dialog(self) -> SettingsDialog:
        from app.ui.settings_dialog import SettingsDialog  # noqa: PLC0415  not before it is wanted

        dialog = SettingsDialog(self._window)
        dialog.change_requested.connect(self._settings.change)
        dialog.reset_requested.connect(self._settings.reset)
        self._settings.changed.connect(dialog.show_settings)
        self._settings.refused.connect(dialog.show_refusal)
        return dialog

    def _show_settings(self) -> None:
        self._settings_dialog.show_settings(self._settings.settings)
        self._settings_dialog.open()

    def _show_shortcuts(self) -> None:
        from app.ui.shortcuts_dialog import ShortcutsDialog  # noqa: PLC0415  not before it is wanted

        dialog = ShortcutsDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_acted(self, action: NoticeAction) -> None:
        if action is NoticeAction.SHOW_MODELS:
            self._show_models()
        else:
            self._notices.act(action)

    # -- what the keyboard does

    def _doings(self) -> dict[str, Callable[[], None]]:
        window, page = self._window, self._window.chat_page
        return {
            "new_chat": self._new_chat,
            "search": self._search,
            "previous_chat": lambda: window.sidebar.chats.open_neighbor(-1),
            "next_chat": lambda: window.sidebar.chats.open_neighbor(1),
            "rename": window.header.begin_rename,
            "pin": self._pin_opened,
            "trash": self._trash_opened,
            "undo_trash": self._undo_trash,
            "export": self._export_opened,
            "options": self._show_options,
            "write": window.show_chat,
            "stop": self._stop,
            "retry": lambda: self._do(Role.ASSISTANT, "retry"),
            "edit": self._edit_last,
            "continue": lambda: self._do(Role.ASSISTANT, "continue"),
            "copy_reply": lambda: self._do(Role.ASSISTANT, "copy"),
            "sibling_before": lambda: self._do_here("before"),
            "sibling_after": lambda: self._do_here("after"),
            "messages": page.transcript.focus_messages,
            "pick_model": window.header.picker.open_menu,
            "models": self._show_models,
            "settings": self._show_settings,
            "sidebar": window.toggle_sidebar,
            "full_screen": window.toggle_full_screen,
            "shortcuts": self._show_shortcuts,
            "quit": self._quit,
        }

    def _quit(self) -> None:
        self._window.close()

    def _search(self) -> None:
        self._window.sidebar.show()
        self._window.sidebar.begin_search()

    def _undo_trash(self) -> None:
        if not self._window.notice_bar.act_on(NoticeAction.UNDO_TRASH):
            self._chats.undo_trash()

    def _stop(self) -> None:
        if self._chat.is_replying:
            self._chat.stop()
        elif self._models.is_loading:
            self._models.stop_loading()
        elif not isinstance(QApplication.focusWidget(), (QPlainTextEdit, QTextEdit)):
            self._window.show_chat()

    def _view(self, role: Role) -> MessageView | None:
        return self._window.chat_page.transcript.last_of(role)

    def _do(self, role: Role, deed: str) -> None:
        view = self._view(role)
        if view is not None:
            view.do(deed)

    def _do_here(self, deed: str) -> None:
        view = self._window.chat_page.transcript.focused_view() or self._view(Role.ASSISTANT)
        if view is not None:
            view.do(deed)

    def _edit_last(self) -> None:
        self._do(Role.USER, "edit")
