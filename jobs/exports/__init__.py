"""Exports: sends audiences to platforms and receives their results (回流)."""
