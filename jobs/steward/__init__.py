"""What people ask and decide about identities: look up, explain, review, override."""
