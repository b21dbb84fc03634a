"""The runtime socket: one module per command family, served beside the traffic (management manual 9.3)."""
