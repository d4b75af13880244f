"""A client of the bus: sign in, connect, ask, follow a press."""
