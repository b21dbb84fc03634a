"""Persistence cookies: what is read of a request's, what is taken out of it, what a response says, and what the log says of it.

A case sends a whole table of requests over one connection, so that one start covers many; the templates are the modes.
"""

import time

from haproxy_py.engine.cookies import date_text
from tests.harness.case import Case
from tests.harness.wire import HEAD, Script, Serve, Step, Until
from tests.oracle.http.shorthand import GET, get, ok, reply
from tests.oracle.http.templates import TEMPLATES, Template, listen

_SERVED = [[Serve()]]
_TWO = "server s1 127.0.0.1:{s1} cookie a\nserver s2 127.0.0.1:{s2} cookie b"
_MANY = (
    "server s1 127.0.0.1:{s1} cookie a\nserver s2 127.0.0.1:{s2} cookie b\nserver down 127.0.0.1:{s1} cookie d disabled\n"
    "server weightless 127.0.0.1:{s2} cookie w weight 0\nserver bare 127.0.0.1:{s1} weight 0\n"
    "server downtwin 127.0.0.1:{s2} cookie t disabled\nserver twin 127.0.0.1:{s1} cookie t weight 0\n"
    "server late 127.0.0.1:{s2} cookie k backup"
)
_DEAD = "server dead 127.0.0.1:{dead} cookie x weight 0\nserver s1 127.0.0.1:{s1} cookie a\nserver s2 127.0.0.1:{s2} cookie b"

MODES = {
    "passive": "cookie SID",
    "rewrite": "cookie SID rewrite",
    "insert": "cookie SID insert",
    "indirect": "cookie SID insert indirect",
    "preserve": "cookie SID insert indirect preserve",
    "keep": "cookie SID insert preserve",
    "prefix": "cookie SID prefix",
    "prefixindirect": "cookie SID prefix indirect",
    "onlyindirect": "cookie SID indirect",
    "nocache": "cookie SID insert nocache",
    "post": "cookie SID insert indirect nocache postonly",
    "attributes": "cookie SID insert httponly secure domain .one.example domain two.example attr SameSite=None attr X=1",
    "idle": "cookie SID insert maxidle 1h",
    "life": "cookie SID insert maxlife 2h",
    "both": "cookie SID insert indirect maxidle 1h maxlife 2h",
    "prefixdates": "cookie SID prefix maxidle 1h maxlife 2h",
    "passivedates": "cookie SID maxidle 1h maxlife 2h",
}  # fmt: skip

TEMPLATES.update({f"ck-{name}": listen(line, server=_TWO) for name, line in MODES.items()})
TEMPLATES.update({f"ck-{name}-many": listen(line, "retries 1", server=_MANY) for name, line in MODES.items()})
TEMPLATES.update({
    "ck-persist-many": listen("cookie SID insert indirect", "option persist", server=_MANY),
    "ck-rules-many": listen(
        "cookie SID insert indirect", "force-persist if { path_beg /force }", "ignore-persist if { path_beg /ignore }",
        "force-persist if { path_beg /ignore }", "ignore-persist unless { path_beg / }", server=_MANY),
    "ck-use-many": listen(
        "cookie SID insert indirect", "force-persist if { path_beg /force }", "use-server down if { path_end /down }",
        "use-server s2 if { path_end /down }", "use-server bare if { path /bare }", "use-server s%[path,field(3,/)] if { path_beg /dyn/ }",
        "use-server s1 if { path_beg /dyn }", "use-server weightless unless { path_beg / }", server=_MANY),
    "ck-use-prefix": listen("cookie SID prefix", "use-server s2 if { path /two }", server=_TWO),
    "ck-use-plain": listen("use-server s2 if { path /two }", server="server s1 127.0.0.1:{s1}\nserver s2 127.0.0.1:{s2}"),
    "ck-dead": listen("cookie SID insert indirect", "retries 0", server=_DEAD),
    "ck-dead-redispatch": listen("cookie SID insert indirect", "option redispatch", "retries 1", server=_DEAD),
    "ck-dead-forced": listen("cookie SID insert indirect", "option redispatch", "retries 1", "force-persist if TRUE", server=_DEAD),
    "ck-capture": listen("cookie SID insert indirect", "capture cookie SID len 6", "http-request deny if { path /deny }",
                         "http-request set-header cookie SID=b if { path /set }", server=_TWO),
    "ck-refused": listen("cookie SID insert indirect", "capture cookie SID len 6", "http-request deny if { path /deny }",
                         "http-request redirect location / if { path /redirect }", "http-request return status 200 if { path /return }",
                         "redirect location /x if { path /plain }", "http-request auth if { path /auth }", server=_TWO),
    "ck-refused-split": Template("frontend {id}\n    bind 127.0.0.1:{port}\n    capture cookie SID len 9\n    http-request deny if { path /front }\n"
                                 "    default_backend {id}_b\nbackend {id}_b\n    cookie SID insert\n    http-request deny if { path /deny }\n"
                                 "    http-request redirect location / if { path /redirect }\n    server s1 127.0.0.1:{s1} cookie a\n"),
    "ck-capture-other": listen("cookie SID prefix", "capture cookie OTHER= len 32", server=_TWO),
    "ck-capture-rewrite": listen("cookie SID rewrite", "capture cookie SID len 32", server=_TWO),
    "ck-defaults": Template(listen(server=_TWO).text, defaults=listen().defaults + "    cookie SID insert nocache\n"),
    "ck-after": listen("cookie SID insert", "http-response set-header set-cookie SID=mine if { status 201 }",
                       "http-after-response set-header x-seen %[res.cook(SID)]", "http-after-response del-header set-cookie if { status 202 }", server=_TWO),
    "ck-fe-be": Template("frontend {id}\n    bind 127.0.0.1:{port}\n    use_backend {id}_b if { path_beg /b }\n    default_backend {id}_c\n"
                         "backend {id}_b\n    cookie SID insert\n    server s1 127.0.0.1:{s1} cookie a\n"
                         "backend {id}_c\n    server s2 127.0.0.1:{s2} cookie a\n"),
})  # fmt: skip


def _date(seconds: int) -> bytes:
    return date_text(int(time.time()) + seconds)


def _cookie(*values: bytes, target: bytes = b"/", method: bytes = b"GET") -> bytes:
    return get(*(b"cookie: " + value for value in values), target=target, method=method)


# Values of Cookie fields: SID names the server.
VALUES = [
    b"SID=a", b"SID=b", b"SID=c", b"SID=", b"SID", b"sid=a", b"SIDX=a", b"XSID=a", b"SID=a; x=1", b"x=1; SID=b", b"x=1; SID=b; y=2",
    b"x=1;SID=b;y=2", b"x=1 ; SID=b ; y=2", b"x=1;  SID=b;  y=2", b"x=1\t;\tSID=b\t;\ty=2", b"SID=a, x=1", b"x=1, SID=b, y=2", b"x=1,SID=b",
    b"SID = a", b"SID= b", b"SID =a ; x=2", b"x = 1; SID = b; y = 2", b"SID\t=\ta", b"SID=\"a\"", b"SID=\"a", b"x=\"1;SID=a;\"; SID=b", b"x=\"1\\\";SID=a\"; SID=b",
    b"SID=a; SID=b", b"SID=b; SID=a", b"SID=c; SID=b", b"SID=a; x=1; SID=b", b"SID=c; x=1; SID=b; y=2; SID=a", b"SID=a;SID=a;SID=a",
    b"$Version=1; SID=a; $Path=/", b"$Version=1; SID=a; $Path=/; x=1; $Path=/", b"x=1; $Path=/; SID=b; $Path=/; y=2; $Path=/", b"$Version=1, SID=b",
    b"SID=a; flag", b"flag; SID=a", b"flag; SID=a; flag2", b"flag", b"; SID=a", b"SID=a;", b"SID=a; ", b";SID=a;;x=1", b";;SID=b", b"x=1;", b"x=1; SID=b;",
    b"SID=a~v1", b"SID=b~v2; x=1", b"x=1; SID=a~v1~v2", b"SID=~v", b"SID=a~", b"SID=c~v", b"SID=a ~v", b"SID=a|x", b"SID=b|", b"SID=b||", b"SID=a|AAAAA|", b"SID=a=b",
    b"=a", b"=", b"x==; SID=a", b"x=1; =2; SID=b", b"SID=a\x80", b"\x80=\xff; SID=b", b"SID=%61", b"x=a b; SID=a", b"SID=a b", b"x=1; SID=b; y=\"a;b\"; z=3",
    b"SID=b; $Path=/", b"x=1; SID=b; $Path=/", b"x=1 ; SID=b", b"SID=b ; x=1 ; SID=b", b"x=1 ; flag ; SID=b ; y", b"SID=b,x=1,SID=b,y=2", b"x=a\\;b; SID=b",
]  # fmt: skip
FIELDS = [
    (b"SID=a", b"x=1"), (b"x=1", b"SID=b"), (b"SID=a", b"SID=b"), (b"SID=c", b"SID=b"), (b"x=1; SID=b", b"SID=a; y=2"), (b"", b"SID=a"), (b"SID=b; x=1", b"y=2; SID=b", b"SID=b"),
]  # fmt: skip


def _requests(name: str, template: str, rows: list[bytes], done: bytes = b"s") -> Case:
    """All rows over one connection; the origin servers name themselves in the body."""
    script: list[Step] = []
    for row in rows:
        script += [row, Until(b"\r\n\r\n"), Until(done)]
    return Case(name, template, script, _SERVED, _SERVED)


def _dates() -> list[bytes]:
    """Dates in the cookie, last seen and first seen; none so near to now that the harness would take it for a fresh one."""
    last = [-600, -1000, -3000, -3700, -7300, 80000, 90000]
    found = [b"SID=b|%s" % _date(at) for at in last]
    found += [b"SID=b|%s|%s" % (_date(-1000), _date(at)) for at in last]
    found += [b"SID=b|%s|%s" % (_date(at), _date(-1000)) for at in last]
    found += [b"SID=b|%s|" % _date(-1000), b"SID=b||%s" % _date(-1000), b"SID=b|????\x21|%s" % _date(-1000), b"SID=b|AAAAA|AAAAA", b"SID=b|AAA|%s" % _date(-1000)]
    found += [b"SID=b|%sX" % _date(-1000), b"SID=b|%s|%sX" % (_date(-1000), _date(-900)), b"SID=b|%s~v" % _date(-1000), b"SID=c|%s" % _date(-3700)]
    return [*found, b"SID=b|%s; SID=a" % _date(-9000), b"SID=c; SID=b|%s" % _date(-9000), b"x=1; SID=b|%s|%s; y=2" % (_date(-9000), _date(-9000))]


# What a server sets; SID is ours.
SETS = [
    b"SID=x", b"SID=x; path=/", b"SID=x; Path=/; HttpOnly", b"SID = x ; path=/", b"SID=\"x;y\"; path=/", b"SID=x,y; path=/", b"sid=x", b"SIDX=x", b"OTHER=1; SID=2", b"SID=", b"SID", b"SID; x=1", b"SID=; expires=Thu, 01-Jan-1970 00:00:01 GMT",
    b" SID=x", b"SID=a", b"SID=b; path=/", b"OTHER=1", b"OTHER = 1; x = 2", b"SID=x;path=/", b"SID=x ;path=/", b"SID=", b"=x", b"", b";", b"SID=\"\"; a=b", b"SID=x\x80",
]  # fmt: skip


def _set_rows() -> list[tuple[bytes, ...]]:
    rows: list[tuple[bytes, ...]] = [(b"set-cookie: " + value,) for value in SETS]
    rows += [
        (b"set-cookie: OTHER=1", b"set-cookie: SID=x"), (b"set-cookie: SID=x", b"set-cookie: SID=y"), (b"set-cookie: SID=x", b"set-cookie: OTHER=1", b"x: y"),
        (b"set-cookie2: SID=x; Version=1",), (b"set-cookie2: A=1", b"set-cookie: SID=x"),
    ]  # fmt: skip
    return rows


_FOLDED = [(b"set-cookie2: " + value,) for value in
           (b"A=1; Version=1, SID=x; Version=1, B=2", b"SID=x, B=2", b"A=1 , SID=x", b"SID=x, SID=y", b"SID=\"a,b\"; c=\"d,e\", F=\"g,h\"")]  # fmt: skip


def _sets(mode: str, cookie: bytes, what: str = "sets") -> Case:
    """Every row of _set_rows() (or _FOLDED) as the answer to a request with `cookie`; one server only."""
    request = _cookie(cookie) if cookie else GET
    rows = _set_rows() if what == "sets" else _FOLDED
    script: Script = [step for _ in rows for step in (request, Until(b"\r\n\r\nok"))]
    served: list[Step] = [step for row in rows for step in (HEAD, ok(*row))]
    name = f"ck-{mode}-{what}-{'none' if not cookie else cookie[4:].decode()}"
    return Case(name, f"ck-{mode}-one", script, [served])


TEMPLATES.update({f"ck-{name}-one": listen(line, server="server s1 127.0.0.1:{s1} cookie a") for name, line in MODES.items()})
TEMPLATES.update({
    "ck-bare-one": listen("cookie SID rewrite"), "ck-bareprefix-one": listen("cookie SID prefix"), "ck-bareinsert-one": listen("cookie SID insert"),
    "ck-ignoring-one": listen("cookie SID insert indirect", "ignore-persist if TRUE", server="server s1 127.0.0.1:{s1} cookie a"),
    "ck-ignoringrewrite-one": listen("cookie SID rewrite", "ignore-persist if TRUE", server="server s1 127.0.0.1:{s1} cookie a"),
})  # fmt: skip

_DIRECTIVES = [
    b"public", b"private", b"no-cache", b"no-store, public", b"max-age=0", b"max-age=10", b"s-maxage=0", b"max-age=0, public", b"public, max-age=0", b"s-maxage=9", b"MAX-AGE=9",
    b"no-cache=\"set-cookie\"", b"no-cache=\"set-cookie, x\"", b"Private", b"max-age=00", b"private=\"x\"", b"", b"must-revalidate", b"public, no-cache", b"no-cache, public", b"max-age", b"max-ages=3",
]  # fmt: skip
_STATUSES = (b"200 O", b"201 C", b"202 A", b"203 N", b"206 P", b"226 I", b"300 M", b"301 M", b"302 F", b"303 S", b"307 T", b"308 P", b"400 B", b"401 U",
             b"403 F", b"404 N", b"405 M", b"410 G", b"414 U", b"451 L", b"500 I", b"501 N", b"502 B", b"503 U", b"504 G")  # fmt: skip
_CACHE = [
    *(ok(b"cache-control: " + word, *more) for word in _DIRECTIVES for more in ((), (b"etag: x",))),
    ok(), ok(b"expires: 0"), ok(b"last-modified: x"), ok(b"cache-control: private", b"cache-control: public", b"etag: x"), ok(b"cache-control: public", b"cache-control: private", b"etag: x"),
    ok(b"pragma: no-cache", b"etag: x"), ok(b"pragma: No-Cache", b"etag: x"), ok(b"pragma: no-cache, x", b"etag: x"), ok(b"pragma: no-cache", b"cache-control: public", b"etag: x"),
    *(reply(status, b"content-length: 2", *more, body=b"ok") for status in _STATUSES
      for more in ((), (b"etag: x",), (b"etag: x", b"cache-control: public"))),
]  # fmt: skip


def _cache(method: bytes) -> Case:
    request = get(b"content-length: 0", method=method)
    script: Script = [step for _ in _CACHE for step in (request, Until(b"\r\n\r\nok"))]
    return Case(f"ck-cache-{method.decode().lower()}", "ck-nocache-one", script, [[step for one in _CACHE for step in (HEAD, one)]])


_STATES = [_cookie(b"SID=" + name, target=target) for target in (b"/", b"/force", b"/ignore", b"/none")
           for name in (b"a", b"b", b"d", b"w", b"t", b"k", b"nosuch")]  # fmt: skip
_USES = [_cookie(cookie, target=target) for target in (b"/", b"/down", b"/force/down", b"/bare", b"/dyn/1", b"/dyn/2", b"/dyn/9", b"/dyn/")
         for cookie in (b"x=1", b"SID=a", b"SID=b; x=1", b"SID=nosuch")]  # fmt: skip
_REFUSED = {
    f"{path}-{name}": _cookie(cookie, target=b"/" + path.encode()) if cookie else get(target=b"/" + path.encode())
    for path in ("deny", "redirect", "return", "plain", "auth", "front")
    for name, cookie in (("a", b"SID=a"), ("bad", b"SID=q"), ("none", b""))
} | {"garbage": b"GET / HTTP/1.1\r\nhost a\r\n\r\n"}  # fmt: skip
_BROKEN = Until(b"</html>\n")

CASES: list[Case] = [
    *(_requests(f"ck-{mode}-values", f"ck-{mode}", [_cookie(value) for value in VALUES]) for mode in MODES),
    *(_requests(f"ck-{mode}-fields", f"ck-{mode}", [_cookie(*values) for values in FIELDS]) for mode in MODES),
    *(_requests(f"ck-{mode}-dates", f"ck-{mode}", [_cookie(value) for value in _dates()]) for mode in ("idle", "life", "both", "insert", "prefixdates", "passivedates")),
    *(_sets(mode, cookie) for mode in (*MODES, "bare", "bareprefix", "bareinsert", "ignoring", "ignoringrewrite") for cookie in (b"", b"SID=a", b"SID=q")),
    *(_sets(mode, b"SID=a", "folded") for mode in ("passive", "rewrite", "insert", "prefix", "preserve")),
    _cache(b"GET"), _cache(b"POST"), _cache(b"PUT"), _cache(b"OPTIONS"), _cache(b"TRACE"), _cache(b"DELETE"), _cache(b"PATCH"), _cache(b"FOO"),
    Case("ck-cache-head", "ck-nocache-one", [get(method=b"HEAD")], [[HEAD, reply(b"200 OK", b"content-length: 2", b"etag: x")]]),
    *(_requests(f"ck-{mode}-states", f"ck-{mode}-many", _STATES) for mode in ("passive", "insert", "indirect", "persist", "rules")),
    _requests("ck-use", "ck-use-many", _USES),
    _requests("ck-use-prefix", "ck-use-prefix", [_cookie(value, target=target) for target in (b"/", b"/two") for value in (b"SID=a~v", b"x=1; SID=b~v", b"x=1")]),
    _requests("ck-use-plain", "ck-use-plain", [get(target=b"/two"), GET, get(target=b"/two"), get(target=b"/two"), GET]),
    _requests("ck-post", "ck-post", [get(method=b"GET"), get(b"content-length: 0", method=b"POST"), _cookie(b"SID=a"), get(b"content-length: 0", b"cookie: SID=q", method=b"POST")]),
    Case("ck-dead", "ck-dead", [_cookie(b"SID=x"), _BROKEN], _SERVED, _SERVED),
    Case("ck-dead-redispatch", "ck-dead-redispatch", [_cookie(b"SID=x"), Until(b"s")], _SERVED, _SERVED),
    Case("ck-dead-forced", "ck-dead-forced", [_cookie(b"SID=x"), _BROKEN], _SERVED, _SERVED),
    *(Case(f"ck-split-{name}", "ck-refused-split", [request], _SERVED) for name, request in _REFUSED.items()
      if name.startswith(("deny", "front", "redirect"))),
    _requests("ck-capture", "ck-capture", [_cookie(b"SID=a; x=1"), GET, _cookie(b"SIDE=1; SID=b"), get(target=b"/set"), _cookie(b"SID=a", target=b"/set")]),
    *(Case(f"ck-refused-{name}", "ck-refused", [request], _SERVED, _SERVED) for name, request in _REFUSED.items()),
    _requests("ck-capture-other", "ck-capture-other", [_cookie(b"SID=a~1; OTHER = 2"), _cookie(b"OTHER=1; SID=b"), _cookie(b"OTHER=x; OTHER=y")]),
    Case("ck-capture-rewrite", "ck-capture-rewrite", [GET, Until(b"ok"), _cookie(b"SID=b"), Until(b"ok")], [[HEAD, ok(b"set-cookie: SID = v; path=/")]], [[HEAD, ok(b"set-cookie: SID=z")]]),
    _requests("ck-defaults", "ck-defaults", [GET, _cookie(b"SID=b")]),
    Case("ck-after", "ck-after", [GET, Until(b"ok"), GET, Until(b"ok"), _cookie(b"SID=a"), Until(b"ok")],
         [[HEAD, reply(b"201 C", b"content-length: 2", body=b"ok"), HEAD, ok()]], [[HEAD, reply(b"202 A", b"content-length: 2", body=b"ok")]]),
    _requests("ck-fe-be", "ck-fe-be", [_cookie(b"SID=a", target=b"/b"), _cookie(b"SID=a"), _cookie(b"SID=z", target=b"/b"), GET]),
]  # fmt: skip
