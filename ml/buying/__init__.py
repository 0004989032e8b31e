"""Models of how customers buy without a contract: when, how often, for how much, and whether they still do."""
