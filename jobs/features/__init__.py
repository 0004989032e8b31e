"""Features as of a day."""
