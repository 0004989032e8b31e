"""Customer ids: edges, clusters, overrides, assignment and publication."""
