"""From a model's declaration to its champion: train, evaluate, register."""
