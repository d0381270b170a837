"""The α-bimodality: classifiers, pairs of equal labels, the mock control, wavelengths."""
