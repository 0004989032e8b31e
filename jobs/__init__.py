"""Facts in, facts out: pure functions from tables to one table, and what leaves the house."""
