"""What customers buy next, what is bought together, and what a customer has not bought yet."""
