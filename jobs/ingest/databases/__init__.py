"""Kinds of databases that a source may be taken from, one file each, found and not listed."""
