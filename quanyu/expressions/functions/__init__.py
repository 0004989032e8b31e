"""The functions that expressions may call, with their safe forms on both engines."""
