"""Models, one file each, and what trains and judges them."""
