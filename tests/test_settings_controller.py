from app.controllers.notices import Notices
from app.controllers.settings import SettingsController
from app.core.errors import AppError
from app.core.settings import Settings


class Keeper:
    def __init__(self, error=None):
        self.error, self.saved = error, []

    def save(self, settings):
        if self.error:
            raise self.error
        self.saved.append(settings)


def test_a_change_is_told_and_saved(qtbot):
    keeper = Keeper()
    controller = SettingsController(Settings(), keeper, Notices())
    with qtbot.waitSignal(controller.changed):
        controller.change("theme", "dark")
    assert keeper.saved[-1].text("theme") == "dark"


def test_a_bad_value_is_refused_with_a_sentence_and_changes_nothing(qtbot):
    keeper = Keeper()
    controller = SettingsController(Settings(), keeper, Notices())
    with qtbot.waitSignal(controller.refused) as refused:
        controller.change("temperature", 99.0)
    assert refused.args[0] == "temperature"
    assert "at most 5" in refused.args[1]
    assert controller.settings == Settings()
    assert not keeper.saved


def test_a_setting_goes_back_to_its_usual_value(qapp):
    controller = SettingsController(Settings({"theme": "dark"}), Keeper(), Notices())
    controller.reset("theme")
    assert controller.settings == Settings()


def test_a_change_that_cannot_be_saved_is_in_force_and_told(qtbot):
    notices = Notices()
    controller = SettingsController(Settings(), Keeper(AppError("No room.")), notices)
    with qtbot.waitSignal(notices.posted) as posted:
        controller.change("theme", "dark")
    assert posted.args[0].sentence == "No room."
    assert controller.settings.text("theme") == "dark"
