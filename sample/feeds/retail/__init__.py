"""Feeds of stores, web shops and the systems behind them."""
