"""Types of balancers.sticky for Python."""

from balancers.base import Balancer

class Sticky(Balancer): ...
