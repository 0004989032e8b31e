"""One gate: who may be reached, at which address, for which purpose and channel, and why not."""
