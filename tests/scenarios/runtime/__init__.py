"""The runtime socket of running processes."""
