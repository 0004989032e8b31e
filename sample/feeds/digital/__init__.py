"""Feeds of the app, campaigns and messages."""
