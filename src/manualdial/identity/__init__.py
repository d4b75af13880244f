"""Who calls: signing in, and tokens."""
