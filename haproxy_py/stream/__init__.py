"""The life of one request or TCP session between client and server."""
