"""Parts that views are made of: controls, tabs, lines of text, the look of plots."""
