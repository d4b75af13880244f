"""Ways in: WebSocket and HTTP on one port, and who is there (token → Caller)."""
