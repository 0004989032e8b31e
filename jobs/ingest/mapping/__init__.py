"""Mapping: expressions of a source to checked rows of tables."""
