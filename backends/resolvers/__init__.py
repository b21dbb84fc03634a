"""Names of servers, looked up while the proxy runs: what is asked (message), whom (nameserver), how often (resolution), what
it means for a server (server_name, srv), all of it together (names). Source: manual 5.3."""
