"""Balancing algorithms, one a module, one registry."""

from balancers.registry import Algorithm, balancer, find, names

__all__ = ["Algorithm", "balancer", "find", "names"]
