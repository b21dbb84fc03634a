"""Types of balancers.leastconn for Python."""

from balancers.base import Balancer

class LeastConn(Balancer): ...
