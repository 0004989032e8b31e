"""What people ask of audiences: their size before they are saved, why somebody is in, what changed, and a replay."""
