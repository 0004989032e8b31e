"""Who is in an audience, and who came and went."""
