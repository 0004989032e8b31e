"""What is measured of customers."""
