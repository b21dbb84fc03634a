"""The ground floor: reactor, timers, buffers, sockets, TLS, HTTP/1, message heads, shared memory. Imports nobody."""
