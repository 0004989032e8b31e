"""The best plan per customer for campaigns that are announced, under budget, caps and stock."""
