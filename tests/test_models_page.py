from ui_stand_ins import model_file

from app.ui.models_page import ModelsPage


def test_many_models_are_shown_without_asking_for_each_of_them(qtbot, monkeypatch):
    page = ModelsPage()
    qtbot.addWidget(page)
    page.resize(900, 600)
    asked = set()
    words = page._table._words

    def listening(model, column):
        asked.add(model.name)
        return words(model, column)

    monkeypatch.setattr(page._table, "_words", listening)
    page.show_models([model_file(name=f"Model-{number:03d}") for number in range(500)])
    page.show()
    qtbot.waitExposed(page)
    page.grab()
    assert "Model-000" in asked
    assert len(asked) < 100
