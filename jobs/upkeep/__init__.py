"""Upkeep of the lake: few files in place of many, and nothing older than the retention."""
