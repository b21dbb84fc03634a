"""Types of balancers.staticrr for Python."""

from balancers.hashed import Hashed

class StaticRoundRobin(Hashed): ...
