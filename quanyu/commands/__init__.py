"""Commands of the product itself: each file adds its own with `add(app)`. Stages bring the others."""
