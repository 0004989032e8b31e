"""Uplift: the effect of an action on each customer, learned from campaigns whose arms were drawn at random."""
