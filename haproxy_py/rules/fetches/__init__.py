"""Sample fetches, a family a file."""
