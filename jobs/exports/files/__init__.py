"""Writes the files that platforms take: sets with a manifest, and archives that are uploaded."""
