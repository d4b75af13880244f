"""The heart: a press becomes a call, once."""
