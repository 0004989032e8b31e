"""Offers of campaigns, as a conf folder declares them."""
