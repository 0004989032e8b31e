"""Settings of a home: their layers, sections and checks."""
