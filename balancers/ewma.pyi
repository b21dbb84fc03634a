"""Types of balancers.ewma for Python."""

from balancers.base import Balancer

class Ewma(Balancer):
    clock_us: int
    def seed(self, number: int) -> None: ...
    def averages(self) -> list[float]: ...
