"""Proof and export of the chains of evidence: what an auditor is shown, and why it can be believed."""
