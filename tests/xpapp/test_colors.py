"""Colors of images: a level each, visible on the page's ground."""

import pytest

from xpapp.colors import (
    BASE_LEVELS,
    CATEGORY_COLORS,
    CLEAR,
    FIRST_SET_LEVEL,
    NO_VALUE,
    category_colors,
    category_palette,
    density_palette,
    image_palette,
    set_shades,
    value_palette,
)


@pytest.mark.parametrize("make", [density_palette, value_palette])
@pytest.mark.parametrize("dark", [False, True])
def test_palettes_stand_out_from_the_page(make, dark):
    colors = make(dark)
    assert len(colors) == BASE_LEVELS
    for color in colors:
        brightness = sum(int(color[i : i + 2], 16) for i in (1, 3, 5)) / 3
        assert (brightness > 50) if dark else (brightness < 240)


@pytest.mark.parametrize("n", range(1, len(CATEGORY_COLORS) + 1))
def test_categories_have_colors_of_their_own(n):
    colors = category_colors(n)
    assert len(set(colors)) == n
    assert ("#8c8c8c" in colors) == (n == len(CATEGORY_COLORS))
    shades = BASE_LEVELS // n
    palette = category_palette(n)
    assert len(palette) == n * shades <= BASE_LEVELS
    assert [color[:7] for color in palette[::shades]] == colors
    opacity = [int(color[7:], 16) for color in palette[:shades]]
    assert opacity == sorted(opacity) and opacity[-1] == 255


def test_the_rest_steps_back_while_there_are_sets():
    alone = image_palette(["#112233"] * BASE_LEVELS, [])
    below = image_palette(["#112233"] * BASE_LEVELS, ["#445566"])
    assert alone[0] == below[0] == CLEAR
    for level in (1, BASE_LEVELS, NO_VALUE):
        assert int(below[level][7:], 16) < int(alone[level][7:], 16)
    assert set(alone[FIRST_SET_LEVEL:]) == {CLEAR}
    assert below[-1] == "#445566ff"


def test_few_colors_leave_the_other_levels_clear():
    palette = image_palette(["#112233"] * 5, [])
    assert set(palette[6:NO_VALUE]) == {CLEAR} and palette[5] == "#112233ff"


@pytest.mark.parametrize("n", [1, 2, 7, 126])
def test_sets_share_their_levels(n):
    shades = set_shades(n)
    assert shades >= 1 and FIRST_SET_LEVEL + n * shades <= 256
    assert set_shades(0) == set_shades(1)
