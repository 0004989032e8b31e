"""What comes back from advertising platforms (回流): results, their effect, and our purchases reported to them."""
