"""The retailer: who buys, where, and what; columns drawn once."""
