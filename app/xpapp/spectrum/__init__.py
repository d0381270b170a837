"""The point z: its spectrum, sliders, gradients, neighbours, steering, paths, medians of sets."""
