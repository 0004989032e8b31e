"""They point; they do not compute."""
