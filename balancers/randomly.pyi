"""Types of balancers.randomly for Python."""

from balancers.hashed import Hashed

class Randomly(Hashed):
    def seed(self, number: int) -> None: ...
