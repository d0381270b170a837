"""Malformed inputs, a module for each kind of file; each has ``attacks(material)``."""
