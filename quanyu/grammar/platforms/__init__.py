"""Accounts on advertising platforms, as a conf folder declares them."""
