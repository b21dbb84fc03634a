"""Real clients and real servers with the proxy between them."""
