"""Bind lines: listening sockets, accepting, certificates; frontends built for use before the fork."""
