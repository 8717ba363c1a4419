"""The typed list of settings."""

import pytest

from app.core.generation import SamplingOptions
from app.core.settings import BY_NAME, SETTINGS, Page, Settings, read


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_each_setting_is_explained_and_its_usual_value_allowed(setting):
    assert setting.accept(setting.default) == setting.default
    assert setting.label
    assert setting.explanation.endswith(".")


def test_names_are_unique():
    assert len(BY_NAME) == len(SETTINGS)
    assert {setting.page for setting in SETTINGS} == set(Page)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "green"),
        ("theme", 3),
        ("text_size", 49),
        ("text_size", 301),
        ("text_size", 100.5),
        ("text_size", True),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "0.5"),
        ("low_memory", 1),
        ("system_prompt", None),
        ("models_folder", "a\0b"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*\."):
        Settings().with_value(name, value)


@pytest.mark.parametrize("value", [50, 300])
def test_bounds_are_allowed(value):
    assert Settings().with_value("text_size", value).whole("text_size") == value


def test_a_whole_number_is_a_number():
    value = Settings().with_value("temperature", 1)["temperature"]
    assert value == 1.0
    assert type(value) is float


def test_the_usual_value_is_no_change():
    changed = Settings().with_value("theme", "dark")
    assert changed.text("theme") == "dark"
    assert changed.with_value("theme", "system") == Settings()
    assert Settings().text("theme") == "system", "the one before is as it was"


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        Settings()["mood"]
    with pytest.raises(KeyError):
        Settings().with_value("mood", 1)


def test_sampling_options_are_those_of_the_settings():
    assert Settings().sampling() == SamplingOptions()
    changed = Settings().with_value("seed", 7).with_value("max_tokens", 9).with_value("top_k", 1).sampling()
    assert changed == SamplingOptions(seed=7, max_tokens=9, top_k=1)


def test_reading_leaves_out_what_is_wrong_and_says_so():
    found, complaints = read(
        {"appearance": {"theme": "dark", "text_size": 9, "foo": 1}, "chat": 3, "engine": {"theme": "light"}}
    )
    assert found == Settings().with_value("theme", "dark")
    assert len(complaints) == 4
    assert all(sentence.endswith(".") for sentence in complaints)


@pytest.mark.parametrize(
    ("name", "value", "end"),
    [
        ("context_window", 2_000_000, "at most 1,048,576, not 2,000,000."),
        ("context_window", 10**400, "at most 1,048,576, not a number of about 401 digits."),
        ("temperature", 10**400, "a number, not 1000"),
        ("temperature", 5.5, "at most 5, not 5.5."),
        ("seed", -2, "at least -1, not -2."),
    ],
)
def test_bounds_are_told_as_plain_numbers(name, value, end):
    with pytest.raises(ValueError, match=f"{name} must be {end}"):
        Settings().with_value(name, value)


def test_a_wrong_text_of_any_length_makes_a_short_sentence():
    with pytest.raises(ValueError, match="theme must be one of") as refused:
        Settings().with_value("theme", "x" * 100_000)
    assert len(str(refused.value)) < 200
