"""The catalog: ids, latents, labels in Parquet; encoding, building, cuts, relations of labels."""
