"""Types of balancers.roundrobin for Python."""

from balancers.base import Balancer

class RoundRobin(Balancer): ...
