"""Text to typed model: reader, grammar, keywords, whole-file checks. Nothing here knows a socket."""
