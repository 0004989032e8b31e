"""Feeds of what people say, and of store activities."""
