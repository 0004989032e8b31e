"""The other engine's results beside ours: a day computed twice on copies of a home, and compared row by row."""
