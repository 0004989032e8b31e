"""One ID: normalise, guard, match, keep ids, publish; then customers and their activity."""
