"""From a model's declaration to its champion: train, judge, record."""
