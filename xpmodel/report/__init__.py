"""How results look, whatever they are about: the style of figures, and tables of numbers."""
