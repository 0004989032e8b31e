"""Models, one file each, and the lifecycle that trains and evaluates them."""
