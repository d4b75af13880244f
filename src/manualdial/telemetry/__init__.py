"""What is told about the service: log, metrics, spans."""
