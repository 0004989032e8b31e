"""Audiences out to platforms, and what the platforms say back (回流)."""
