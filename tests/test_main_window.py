from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QWidget
from ui_stand_ins import CHATS, LOADED, MODELS, House, conversation, message, talk

from app.core.generation import LoadedModel, Role, SamplingOptions
from app.core.models import ModelFile
from app.core.notices import Notice, NoticeAction, NoticeKind
from app.ui.models_page import ModelsPage
from app.ui.shortcuts import all_shortcuts


@pytest.fixture
def house(qtbot):
    made = House()
    made.furnish()
    made.window.show()
    made.window.activateWindow()
    yield made
    for dialog in made.window.findChildren(QDialog):
        dialog.close()
    made.tear_down()


def press(qtbot, house, key, modifier=Qt.KeyboardModifier.ControlModifier):
    qtbot.keyClick(QApplication.focusWidget() or house.window, key, modifier)


def nameless(root):
    for widget in root.findChildren(QWidget):
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or widget.objectName().startswith("qt_"):
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not (widget.accessibleName() or text or widget.focusProxy()):
            yield f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"


def test_everything_that_takes_the_focus_has_a_name(qtbot, house):
    wiring = house.window.wiring
    for show in (wiring._show_models, wiring._show_trash, wiring._show_settings, wiring._show_options):
        show()
    wiring._show_shortcuts()
    house.notices.posted.emit(Notice(NoticeKind.NEWS, "News.", "", NoticeAction.UNDO_TRASH, "Undo"))
    view = house.window.chat_page.transcript.last_of(Role.USER)
    view.do("edit")
    assert not list(nameless(house.window))


def test_no_key_combination_does_two_things():
    keys = [
        keys.toString() for shortcut in all_shortcuts() if shortcut.is_own for keys in shortcut.sequences()
    ]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("shortcut", [s for s in all_shortcuts() if s.is_own], ids=lambda s: s.name)
def test_writing_does_not_swallow_a_shortcut(qtbot, house, shortcut):
    house.window.chat_page.composer.take_focus()
    action = house.window.wiring.actions[shortcut.name]
    action.triggered.disconnect()
    for keys in (QKeySequence(k) for k in shortcut.keys):
        with qtbot.waitSignal(action.triggered, timeout=500):
            qtbot.keySequence(house.window.chat_page.composer.field, keys)


def test_the_keyboard_sends_and_stops(qtbot, house):
    field = house.window.chat_page.composer.field
    qtbot.keyClicks(field, "hello")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert ("send", "hello") in house.chat.calls
    house.chat.is_replying = True
    house.chat.replying_changed.emit(True)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert ("stop",) in house.chat.calls


def test_the_draft_is_told_before_another_chat_is_opened(qtbot, house):
    qtbot.keyClicks(house.window.chat_page.composer.field, "half a th")
    house.window.sidebar.chats.open_requested.emit(3, None)
    names = [call for call in house.chat.calls if call[0] in ("edit_draft", "open")]
    assert names == [("edit_draft", "half a th"), ("open", 3, None)]


def test_closing_tells_the_draft_first(qtbot, house):
    qtbot.keyClicks(house.window.chat_page.composer.field, "half")
    with qtbot.waitSignal(house.window.closing):
        house.window.close()
    assert ("edit_draft", "half") in house.chat.calls


def test_retry_edit_and_versions_reach_the_controller(qtbot, house):
    house.open(talk(4))
    press(qtbot, house, Qt.Key.Key_R)
    assert ("retry", 4) in house.chat.calls
    replies = [talk(1)[0], message(2, text="b", siblings=2, position=1, sibling_after=9)]
    house.chat.branch_changed.emit(replies)
    press(qtbot, house, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert ("choose_sibling", 9) in house.chat.calls


def test_control_b_hides_the_list_and_shows_it_again(qtbot, house):
    press(qtbot, house, Qt.Key.Key_B)
    assert house.window.sidebar.isHidden()
    press(qtbot, house, Qt.Key.Key_B)
    assert house.window.sidebar.isVisible()


def test_undo_of_the_trash_goes_through_its_notice(qtbot, house):
    house.notices.posted.emit(Notice(NoticeKind.NEWS, "Gone.", "", NoticeAction.UNDO_TRASH, "Undo"))
    press(qtbot, house, Qt.Key.Key_U, Qt.KeyboardModifier.AltModifier)
    assert ("act", NoticeAction.UNDO_TRASH) in house.notices.calls
    assert not house.window.notice_bar.notices


def test_a_first_run_offers_to_add_a_model_and_a_loaded_one_greets(qtbot):
    house = House()
    qtbot.addWidget(house.window)
    house.models.listed.emit([])
    welcome = house.window.chat_page.welcome
    assert welcome._heading.text() == "Welcome to Fireside"
    assert not welcome._steps.isHidden()
    house.models.model = LOADED
    house.models.listed.emit(MODELS)
    house.models.model_changed.emit(LOADED)
    assert welcome._steps.isHidden()


def test_with_the_guide_alone_the_ways_to_a_larger_model_stay_open(qtbot):
    house = House()
    qtbot.addWidget(house.window)
    path = Path("/resources/guide.gguf")
    guide = ModelFile(path, (path,), "Fireside Guide", 4_000_000, is_builtin=True)
    loaded = house.models.model = LoadedModel(path, "Fireside Guide", 1024, 1024, 4000, 0.1, True)
    house.models.listed.emit([guide])
    house.models.model_changed.emit(loaded)
    welcome, picker = house.window.chat_page.welcome, house.window.header.picker
    assert not welcome._steps.isHidden()
    assert "built in" in welcome._words.text()
    assert picker.words == "Fireside Guide (built in)"
    assert "built in" in picker.menu().actions()[0].text()
    welcome.models_requested.emit()
    assert isinstance(house.window.pages.currentWidget(), ModelsPage)


def test_where_the_guide_says_that_it_cannot_the_models_page_is_one_click_away(qtbot, house):
    beyond = message(3, text="A larger model knows more about volcanoes.", model="Fireside Guide")
    house.chat.opened.emit(conversation(), [message(1, Role.USER, "What is a volcano?"), beyond])
    view = house.window.chat_page.transcript._views[3]
    assert "models" in {deed.name for deed in view.deeds()}
    view.do("models")
    assert isinstance(house.window.pages.currentWidget(), ModelsPage)


def test_model_files_dropped_onto_the_window_are_added(house):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/models/a.gguf"), QUrl.fromLocalFile("/models/b.txt")])
    event = QDropEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    )
    house.window.dropEvent(event)
    assert ("add_files", ["/models/a.gguf"], False) in house.models.calls


def test_the_picker_loads_and_stops(qtbot, house):
    picker = house.window.header.picker
    texts = [action.text().split("\t")[0] for action in picker.menu().actions()]
    assert texts[:3] == ["Qwen3-4B", "Llama-3.2-3B-Instruct", "Gemma-3-12B"]
    assert "Broken" not in texts
    picker.menu().actions()[1].trigger()
    assert ("load", "/models/Llama-3.2-3B-Instruct-Q8_0.gguf") in house.models.calls
    house.models.load_progressed.emit("Llama", 0.4)
    assert picker.words == "Loading Llama  40 %"
    qtbot.mouseClick(picker._stop, Qt.MouseButton.LeftButton)
    assert ("stop_loading",) in house.models.calls


def test_the_title_is_renamed_in_its_place(qtbot, house):
    press(qtbot, house, Qt.Key.Key_F2, Qt.KeyboardModifier.NoModifier)
    field = house.window.header._field
    field.setText("Bern with children")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert ("rename", "Bern with children") in house.chat.calls


def test_a_chat_can_have_its_own_sampling_options(house):
    wiring = house.window.wiring
    house.chat.details = ("Be brief.", SamplingOptions(temperature=0.2, seed=7, stop=("END",)))
    wiring._show_options()
    dialog = QApplication.activeModalWidget()
    assert dialog.details() == house.chat.details
    dialog._usual.setChecked(True)
    dialog.accept()
    assert ("set_details", "Be brief.", None) in house.chat.calls


def test_the_layout_comes_back(qtbot, house):
    house.window.sidebar.hide()
    house.window.resize(700, 600)
    saved = house.window.save_layout()
    other = House()
    qtbot.addWidget(other.window)
    other.window.restore_layout(saved)
    assert other.window.sidebar.isHidden()
    assert other.window.size() == house.window.size()


@pytest.mark.parametrize(
    "text", ["", "nonsense", "{}", '{"geometry": 3}', '{"geometry": "é", "splitter": ""}', "[]"]
)
def test_a_layout_that_is_not_understood_changes_nothing(house, text):
    before = house.window.size()
    house.window.restore_layout(text)
    assert house.window.size() == before


def test_pages_and_dialogs_are_not_made_before_they_are_wanted(house):
    assert not {"_models_page", "_trash_page", "_settings_dialog"} & set(house.window.wiring.__dict__)


def test_trash_is_restored_from_its_page(qtbot, house):
    house.window.wiring._show_trash()
    assert ("list_trash",) in house.chats.calls
    house.chats.trash_listed.emit(CHATS[:2])
    page = house.window.wiring._trash_page
    page.view.setCurrentRow(1)
    qtbot.mouseClick(page._restore_button, Qt.MouseButton.LeftButton)
    assert ("restore", CHATS[1].id) in house.chats.calls


def test_a_copy_shows_how_far_it_is_until_it_is_over_and_can_be_stopped(qtbot, house):
    strip = house.window.wiring.copy_strip
    assert not strip.isVisible()
    house.models.copy_progressed.emit("big.gguf", 0.0)
    house.models.copy_progressed.emit("big.gguf", 0.431)
    assert strip.isVisible()
    assert strip.words == "Copying big.gguf  43 %"
    strip._stop.click()
    assert ("stop_adding",) in house.models.calls or ("stop_adding", False) in house.models.calls
    house.models.copy_progressed.emit("big.gguf", 1.0)
    assert not strip.isVisible()


def test_escape_stops_the_loading_of_a_model(qtbot, house):
    house.models.is_loading = True
    house.window.wiring._stop()
    assert house.models.calls[-1][0] == "stop_loading"


def test_the_keyboard_opens_the_menu_of_models(qtbot, house, monkeypatch):
    opened = []
    monkeypatch.setattr(house.window.header.picker._button, "showMenu", lambda: opened.append("menu"))
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    press(qtbot, house, Qt.Key.Key_M, both)
    assert opened == ["menu"]


def test_after_a_rename_the_keyboard_is_at_the_message_again(qtbot, house):
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        house.window.header.begin_rename()
        qtbot.keyClick(house.window.header._field, key)
        assert QApplication.focusWidget() is house.window.chat_page.composer.field


def test_a_chat_that_was_just_stored_is_marked_in_the_list(house):
    house.chat.conversation_id = None
    house.chat.opened.emit(conversation(0, ""), [])
    house.chat.conversation_id = CHATS[1].id
    house.chats.listed.emit(CHATS)
    assert house.window.sidebar.chats._delegate.opened == CHATS[1].id


def test_escape_leaves_a_search_before_anything_else(qtbot, house):
    search = house.window.sidebar.search
    house.window.sidebar.begin_search()
    search.setText("bread")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert search.hasFocus()


def test_escape_leaves_a_rename_without_a_new_title(qtbot, house):
    header = house.window.header
    header.begin_rename()
    header._field.setText("Not this")
    qtbot.keyClick(header._field, Qt.Key.Key_Escape)
    assert not [call for call in house.chat.calls if call[0] == "rename"]


def test_escape_leaves_the_edit_of_a_message(qtbot, house):
    house.open(talk(4))
    view = house.window.chat_page.transcript.last_of(Role.USER)
    view.do("edit")
    assert QApplication.focusWidget() is view._editor._field
    qtbot.keyClick(view._editor._field, Qt.Key.Key_Escape)
    assert view._editor is None


def test_f2_in_the_list_renames_the_line_the_keyboard_is_at(qtbot, house):
    chats = house.window.sidebar.chats
    chats.setFocus()
    qtbot.keyClick(chats, Qt.Key.Key_Down)
    line = chats.current_line()
    assert line is not None
    qtbot.keyClick(chats, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert chats.isAncestorOf(editor)
    editor.setText("Another title")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ("rename", line.id, "Another title") in house.chats.calls)


def test_after_a_model_was_chosen_one_can_write(house):
    picker = house.window.header.picker
    for choose in (lambda: picker.load_requested.emit("/models/a.gguf"), picker.unload_requested.emit):
        picker._button.setFocus()
        choose()
        assert QApplication.focusWidget() is house.window.chat_page.composer.field


def test_unloading_is_told_until_it_is_done(house):
    picker = house.window.header.picker
    picker.unload_requested.emit()
    assert picker.words == "Unloading Qwen3-4B …"
    house.models.model_changed.emit(None)
    assert picker.words == "Choose a model"


def test_a_long_title_ends_in_three_dots(house):
    label = house.window.header._label
    pictures = []
    for words in ("W" * 200, "W" * 400):
        label.setText(words)
        pictures.append(label.grab().toImage())
    assert pictures[0] == pictures[1]
    middle = label.height() // 2
    edge = {
        pictures[0].pixel(x, y)
        for x in range(label.width() - 6, label.width())
        for y in range(middle - 4, middle)
    }
    assert len(edge) == 1  # dots stand low: no letter is cut


def test_a_long_draft_in_a_low_window_leaves_its_foot_free(qtbot):
    house = House()  # the first run has the most to say
    qtbot.addWidget(house.window)
    house.window.resize(480, 400)
    house.window.show()
    house.window.notice_bar.show_notice(Notice(NoticeKind.NEWS, "Something is told."))
    composer = house.window.chat_page.composer
    composer.field.setPlainText("a line\n" * 50)
    QApplication.processEvents()
    assert composer.field.geometry().bottom() < composer._button.geometry().top()
    assert composer.geometry().bottom() <= house.window.chat_page.rect().bottom()
