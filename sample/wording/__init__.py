"""What people write to the retailer: the words, and the grammar that combines them."""
