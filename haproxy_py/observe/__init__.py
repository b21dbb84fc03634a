"""Log targets and the sender of log lines. Nothing here knows what a request is."""
