"""One ID: normalise, guard, match, retain ids, publish; then customers and their activity."""
