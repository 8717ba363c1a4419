"""Whether everything can be read: the contrast of WCAG 2.1, level AA, in both themes."""

from dataclasses import asdict

import pytest

from app.ui.theme import DARK, LIGHT

GROUNDS = ("window", "sidebar", "card", "bubble", "code", "hover", "selected")
PAIRS = [
    *(("text", ground) for ground in (*GROUNDS, "mark", "border")),  # border: a filled button that is off
    *(("muted", ground) for ground in GROUNDS),
    *(("accent", ground) for ground in ("window", "sidebar", "card", "bubble", "code")),
    *((tone, ground) for tone in ("warning", "danger") for ground in ("window", "sidebar", "card", "hover")),
    ("danger", "selected"),  # a damaged model that is chosen
    ("on_accent", "accent"),
]


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(colors, ink, ground):
    by_name = asdict(colors)
    assert contrast(by_name[ink], by_name[ground]) >= 4.5


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_the_ring_of_the_focus_stands_out(colors):
    for ground in GROUNDS:
        assert contrast(colors.accent, asdict(colors)[ground]) >= 3
