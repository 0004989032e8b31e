"""Feeds: how a source is declared, and where and how its files are read."""
