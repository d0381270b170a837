"""A mock sky: made-up stars with known truth, in the layout of the released catalog."""
