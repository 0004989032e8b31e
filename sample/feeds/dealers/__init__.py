"""Feeds of dealers and their outlets."""
