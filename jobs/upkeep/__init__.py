"""Maintenance of the lake: compacts small files and removes those older than the retention."""
