"""Delta tables under one root, with a single reader and writer."""

from quanyu.lake.lake import Lake, WriteCounts, place_of

__all__ = ["Lake", "WriteCounts", "place_of"]
