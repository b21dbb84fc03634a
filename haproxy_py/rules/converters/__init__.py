"""Converters of samples, a family a file."""
