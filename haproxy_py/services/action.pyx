"""http-request use-service (manual 4.2): hand the request over to a service of the proxy itself."""

from haproxy_py.engine.txn cimport Txn, V_SERVICE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.actionset import HTTP_REQUEST, TCP_CONTENT, ActionError, action
from haproxy_py.services.registry import SERVICES


cdef class UseService(Action):
    """Ends the rules: `service` answers."""

    cdef public object service

    def __init__(self, object service) -> None:
        self.service = service

    def resolve(self, world) -> None:
        """The service may look at the running proxies."""
        self.service.resolve(world.proxies)

    cdef int run(self, Txn t) noexcept:
        t.service = self.service
        return V_SERVICE


def _use_service(words: list, i: int, scope: object, rules: str) -> tuple:
    """use-service <name>"""
    if i >= len(words) or not words[i]:
        raise ActionError("'use-service' expects a service name.")
    name = words[i]
    if name not in SERVICES:
        raise ActionError(f"'{name}' unknown service name.")
    make, allowed, elsewhere = SERVICES[name]
    if rules not in allowed:
        raise ActionError(elsewhere)
    made = UseService(make())
    scope.bind_later(made)
    return made, i + 1


action("use-service", rules=(HTTP_REQUEST, TCP_CONTENT), source="manual 4.2 http-request use-service")(_use_service)
