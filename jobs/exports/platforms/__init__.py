"""Platforms, one file each. A new file is all that a new platform needs."""
