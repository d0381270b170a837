"""The catalog: ids, latents, labels in Parquet; how it is encoded, built, cut, completed."""
