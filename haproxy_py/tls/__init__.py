"""What TLS settings of bind and server lines have in common: files in PEM, versions, words of the global section."""
