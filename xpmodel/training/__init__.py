"""Train a model: loss, data in memory or on disk, steps, checkpoints, several processes."""
