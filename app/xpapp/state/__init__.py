"""The state of one visit, the only thing on the page that changes: views read it and redraw."""
