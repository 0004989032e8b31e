"""What the grammar says of itself: kinds of declarations, their reference pages, and JSON Schemas."""
