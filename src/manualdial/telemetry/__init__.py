"""Log, metrics and spans of the service."""
