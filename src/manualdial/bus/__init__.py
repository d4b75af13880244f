"""The bus: who reads what, in which order."""
