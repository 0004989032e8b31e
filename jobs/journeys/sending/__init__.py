"""Sending: what is due goes out once, and what became of it is recorded."""
