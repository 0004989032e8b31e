"""Features and tags as of a day."""
