"""Delta tables under one root, with a single reader and writer."""

from quanyu.lake.lake import Lake, Written, place_of

__all__ = ["Lake", "Written", "place_of"]
