"""Kinds of databases that a source may extract from: one file each, discovered by their class."""
