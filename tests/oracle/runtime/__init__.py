"""Commands that are sent to the runtime sockets of the real haproxy and of ours."""
