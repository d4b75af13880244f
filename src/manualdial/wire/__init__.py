"""The wire: envelopes, addresses, messages, and the nouns as messages."""
