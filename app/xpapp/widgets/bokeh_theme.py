"""The Bokeh theme, light and dark: applied once, before the browser lays the page out."""

from __future__ import annotations

from bokeh.themes import Theme

FONT = "Roboto, Helvetica, Arial, sans-serif"


def _theme(ground: str, text: str, muted: str, grid: str) -> Theme:
    small = {"text_font": FONT, "text_color": text, "text_font_style": "normal"}
    axis_label = {f"axis_label_{k}": v for k, v in small.items()}
    tick_label = {f"major_label_{k}": v for k, v in small.items()} | {
        "major_label_text_color": muted
    }
    legend = {f"label_{k}": v for k, v in small.items()}
    return Theme(
        json={
            "attrs": {
                "Axis": {
                    "axis_line_alpha": 0,
                    "major_tick_line_alpha": 0,
                    "minor_tick_line_alpha": 0,
                    **axis_label,
                    "axis_label_text_font_size": "12px",
                    "axis_label_standoff": 3,
                    **tick_label,
                    "major_label_text_font_size": "11px",
                },
                "Grid": {"grid_line_color": grid, "grid_line_alpha": 1},
                "Legend": {
                    "background_fill_alpha": 0,
                    "border_line_alpha": 0,
                    **legend,
                    "label_text_font_size": "12px",
                    "spacing": 8,
                    "label_standoff": 6,
                    "glyph_width": 14,
                    "glyph_height": 14,
                },
                "BaseColorBar": {
                    "background_fill_alpha": 0,
                    "bar_line_alpha": 0,
                    "major_tick_line_alpha": 0,
                    **tick_label,
                    "major_label_text_color": text,
                    "major_label_text_font_size": "11px",
                },
                "Plot": {
                    "background_fill_color": ground,
                    "border_fill_color": ground,
                    "outline_line_color": muted,
                    # Bokeh's own, for the right button, fails where a tool has no entry in it.
                    "context_menu": None,
                },
            }
        }
    )


# The page's own colors, those of Material Design.
THEMES = {
    False: _theme("#ffffff", "#212121", "#616161", "rgba(0, 0, 0, 0.1)"),
    True: _theme("#121212", "#ffffff", "#b8b8b8", "rgba(255, 255, 255, 0.12)"),
}
