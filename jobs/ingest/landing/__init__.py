"""Landed files: which are there, which are new, and their rows in bronze."""
