"""What happens each day besides trade."""
