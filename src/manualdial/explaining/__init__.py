"""Verdicts, rules and moments in plain words."""
