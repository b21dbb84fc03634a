"""Samples, converters, matchers, conditions, actions, log formats: compiled to Cython trees while the file is read."""
