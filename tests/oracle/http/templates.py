"""Proxy sections that the differential cases use, by name."""

from tests.harness.case import Template


def listen(*lines: str, server: str = "server s1 127.0.0.1:{s1}") -> Template:
    """A `listen` section {id} on {port} with `lines` and one server."""
    body = "".join(f"    {line}\n" for line in ("bind 127.0.0.1:{port}", *lines, *server.split("\n")) if line)
    return Template("listen {id}\n" + body)


def split(front: tuple[str, ...], back: tuple[str, ...], server: str = "server s1 127.0.0.1:{s1}") -> Template:
    """A frontend {id} and a backend {id}_b."""
    upper = "".join(f"    {line}\n" for line in ("bind 127.0.0.1:{port}", *front, "default_backend {id}_b"))
    lower = "".join(f"    {line}\n" for line in (*back, *server.split("\n")))
    return Template("frontend {id}\n" + upper + "backend {id}_b\n" + lower)


SHORT = """defaults
    mode http
    log global
    option httplog
    retries 1
    timeout connect 300ms
    timeout client 300ms
    timeout server 300ms
"""

TCP = """defaults
    mode tcp
    log global
    option tcplog
    retries 1
    timeout connect 2s
    timeout client 3s
    timeout server 3s
"""


def short(*lines: str, server: str = "server s1 127.0.0.1:{s1}", defaults: str = SHORT) -> Template:
    """A `listen` section whose timeouts are 300 ms."""
    return Template(listen(*lines, server=server).text, defaults=defaults)


def tcp(*lines: str, server: str = "server s1 127.0.0.1:{s1}") -> Template:
    """A `listen` section in TCP mode."""
    return Template(listen(*lines, server=server).text, defaults=TCP)


def two(*lines: str) -> Template:
    """A `listen` section with two servers."""
    return listen(*lines, server="server s1 127.0.0.1:{s1}\nserver s2 127.0.0.1:{s2}")


_PAGE = b"HTTP/1.0 503 Gone Fishing\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nfishing\n"
_PAGE400 = b"HTTP/1.1 400 Nope\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nnope\n"

TEMPLATES: dict[str, Template] = {
    "plain": listen(),
    "close": listen("option http-server-close"),
    "httpclose": listen("option httpclose"),
    "kaoption": listen("option http-keep-alive"),
    "pretend": listen("option httpclose", "option http-pretend-keepalive"),
    "feclose": split(("option httpclose",), ()),
    "beclose": split((), ("option httpclose",)),
    "fescl": split(("option http-server-close",), ("option httpclose",)),
    # fields
    "forwardfor": listen("option forwardfor"),
    "ff-except": listen("option forwardfor except 127.0.0.0/8"),
    "ff-except-other": listen("option forwardfor except 10.0.0.0/8"),
    "ff-header": listen("option forwardfor header X-Client"),
    "ff-ifnone": listen("option forwardfor if-none"),
    "ff-both": split(("option forwardfor header X-Front",), ("option forwardfor header X-Back",)),
    "ff-front-ifnone": split(("option forwardfor if-none",), ("option forwardfor",)),
    "originalto": listen("option originalto"),
    "ot-header": listen("option originalto header X-Dst"),
    "ot-except": listen("option originalto except 127.0.0.1"),
    "ff-and-ot": listen("option originalto", "option forwardfor"),
    "unique-id": listen("unique-id-format %[str(abc)]", "unique-id-header X-Unique-ID"),
    "ff-order": listen("option forwardfor", "http-request set-header x-a 1", "http-request add-header x-b 2"),
    "send-name": listen("http-send-name-header X-Srv"),
    "adjust-case": listen("option forwardfor"),
    # replies of the proxy
    "monitor": listen("monitor-uri /alive", "option forwardfor"),
    "monitor-fail": listen("monitor-uri /alive", "monitor fail if TRUE"),
    "errorfile": Template(listen("retries 0", "errorfile 503 {file:503.http}", "errorfile 400 {file:400.http}", server="server s1 127.0.0.1:{dead}").text,
                          files=(("503.http", _PAGE), ("400.http", _PAGE400))),
    "errorfile-deny": Template(listen("errorfile 403 {file:403.http}", "http-request deny").text,
                               files=(("403.http", b"HTTP/1.1 403 Keep Out\r\nContent-Length: 4\r\n\r\nout\n"),)),
    "errorfile-null": listen("retries 0", "errorfile 400 /dev/null", "errorfile 408 /dev/null", "errorfile 503 /dev/null", server="server s1 127.0.0.1:{dead}"),
    "errorloc302": listen("retries 0", "errorloc302 503 http://sorry.example/", server="server s1 127.0.0.1:{dead}"),
    "errorloc303": listen("retries 0", "errorloc303 503 http://sorry.example/", server="server s1 127.0.0.1:{dead}"),
    "refused": listen("retries 0", server="server s1 127.0.0.1:{dead}"),
    "no-server": listen(server=""),
    "disabled": listen(server="server s1 127.0.0.1:{s1} disabled"),
    "no-backend": Template("frontend {id}\n    bind 127.0.0.1:{port}\n"),
    "accept-invalid": listen("option accept-invalid-http-request"),
    "accept-invalid-res": listen("option accept-invalid-http-response"),
    "abortonclose": listen("option abortonclose"),
    "ignore-probes": listen("option http-ignore-probes"),
    "http-no-delay": listen("option http-no-delay"),
    "buffer": listen("option http-buffer-request"),
    "use-proxy-header": listen("option http-use-proxy-header"),
    "contstats": listen("option contstats", "option tcp-smart-accept", "option tcp-smart-connect", "option tcpka", "option clitcpka", "option srvtcpka", "option nolinger"),
}
