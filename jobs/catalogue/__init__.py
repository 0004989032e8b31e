"""The catalogue for marketers: statistics, drift and history of tags, and the pages that show them."""
