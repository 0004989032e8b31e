"""Silver: versions of rows, planned and committed."""
