"""Servers: connections, pools, queues, states, health checks, TLS to them; built from server lines before the fork."""
