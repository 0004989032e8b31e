"""Audiences: who is a member, who entered and who left."""
