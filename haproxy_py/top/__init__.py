"""`pyhaproxy top`: a live view of a runtime socket, of pyhaproxy's own or of a real HAProxy's."""
