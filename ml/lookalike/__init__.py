"""Customers who resemble those that are already known to be good."""
