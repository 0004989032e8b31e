"""All that is known of one entity."""
