"""Ways out to telephony: one engine a module, all behind the port `Engine`. They do not know each other."""
