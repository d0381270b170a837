"""Astronomers' tables of any format (CSV, ECSV, FITS, HDF5, VOTable, Parquet), chunk by chunk."""
