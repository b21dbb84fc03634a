"""Types of balancers.first for Python."""

from balancers.base import Balancer

class First(Balancer): ...
