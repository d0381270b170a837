"""A trained model: the network, its normalization, its folder on disk, the released weights."""
