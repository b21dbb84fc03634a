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
    second = "backend {id}_2\n    server s2 127.0.0.1:{s2}\n" if "{id}_2" in upper or "{id}_%" in upper else ""
    return Template("frontend {id}\n" + upper + "backend {id}_b\n" + lower + second)


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

DEFAULT_CAPTURES = """defaults captured
    mode http
    log global
    retries 1
    timeout connect 2s
    timeout client 3s
    timeout server 3s
    http-request capture req.hdr(x-a) len 3
    http-response del-header x-b
defaults plain
    mode http
    timeout connect 2s
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

_HASH = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."  # crypt(3) of "secret"

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
    "plain-dead": listen("retries 1", server="server s1 127.0.0.1:{dead}"),
    "accept-invalid": listen("option accept-invalid-http-request"),
    "accept-invalid-res": listen("option accept-invalid-http-response"),
    "abortonclose": listen("option abortonclose"),
    "ignore-probes": listen("option http-ignore-probes"),
    "http-no-delay": listen("option http-no-delay"),
    "buffer": listen("option http-buffer-request"),
    "buffer-rule-front": split(("option http-buffer-request", "http-request deny if { req.body -m sub evil }"), ()),
    "buffer-rule-back": split((), ("option http-buffer-request", "http-request deny if { req.body -m sub evil }")),
    "del-regex": listen("http-request del-header ^X-A -m reg", "http-request del-header ^x-b -m reg", "http-request del-header ^(?i)X-C -m reg"),
    "use-proxy-header": listen("option http-use-proxy-header"),
    "contstats": listen("option contstats", "option tcp-smart-accept", "option tcp-smart-connect", "option tcpka", "option clitcpka", "option srvtcpka", "option nolinger"),
    # rules
    "rules-headers": listen(
        "http-request set-header X-Set one", "http-request add-header X-Add two", "http-request del-header X-Del",
        "http-request set-header Host new.example if { path_beg /host }", "http-request set-path /p%[path] if { path_beg /sp }",
        "http-request replace-path (.*)/old(.*) \\1/new\\2", "http-request set-header X-Src %[src]:%[dst_port]",
        "http-request set-header X-Low %[req.hdr(x-mix),lower]-%[method,lower]-%[path,upper]",
        "http-response set-header X-Res %[status]", "http-response add-header X-Res2 b", "http-response del-header Server"),
    "deny": listen("http-request deny if { path_beg /deny }", "http-request deny deny_status 429 if { path_beg /429 }",
                   "http-request deny status 405 if { path_beg /405 }", "http-request deny deny_status 400 if { path_beg /400 }",
                   "http-request deny deny_status 500 if { path_beg /500 }", "http-request deny deny_status 404 if { path_beg /404 }",
                   "http-request deny deny_status 401 if { path_beg /401 }", "http-request deny deny_status 407 if { path_beg /407 }",
                   "http-request deny deny_status 408 if { path_beg /408 }", "http-request deny deny_status 410 if { path_beg /410 }",
                   "http-request deny deny_status 413 if { path_beg /413 }", "http-request deny deny_status 425 if { path_beg /425 }",
                   "http-request deny deny_status 501 if { path_beg /501 }", "http-request deny deny_status 502 if { path_beg /502 }",
                   "http-request deny deny_status 503 if { path_beg /503 }", "http-request deny deny_status 504 if { path_beg /504 }",
                   "http-request deny deny_status 422 if { path_beg /422 }", "http-request deny deny_status 200 if { path_beg /200 }",
                   "http-request deny hdr X-Why because content-type text/plain string no if { path_beg /why }"),
    "deny-res": listen("http-response deny if { status 403 }", "http-response deny deny_status 500 if { status 404 }"),
    "redirect": listen("redirect location http://new.example/ if { path /loc }", "redirect prefix http://pre.example if { path_beg /pre }",
                       "redirect prefix http://pre.example code 301 drop-query if { path_beg /dropq }",
                       "redirect prefix http://pre.example append-slash if { path_beg /slash }",
                       "redirect scheme https code 301 if { path_beg /sch }", "redirect prefix / code 307 if { path_beg /root }",
                       "http-request redirect location /x code 308 set-cookie SEEN=1 if { path_beg /cook }",
                       "http-request redirect code 303 location http://%[hdr(host)]%[path]?z if { path_beg /fmt }",
                       "redirect location / clear-cookie USER= if { path_beg /clear }"),
    "return": listen("http-request return status 200 content-type text/plain string hello if { path /str }",
                     "http-request return status 404 if { path /bare }", "http-request return if { path /default }",
                     "http-request return status 503 if { path /err503 }",
                     "http-request return status 200 content-type text/plain lf-string \"m=%[method] p=%[path]\" hdr X-A 1 hdr x-b %[src] if { path /lf }",
                     "http-request return status 418 content-type text/plain string tea if { path /tea }",
                     "http-request return status 204 if { path /204 }", "http-request return status 302 hdr location /z if { path /302 }"),
    "return-file": Template(listen("http-request return status 200 content-type text/css file {file:a.css}").text, files=(("a.css", b"body{}\n"),)),
    "return-pages": Template(
        listen("http-request return errorfile {file:a.http} if { path /length }", "http-request return errorfile {file:b.http} if { path /close }",
               "http-request return errorfile {file:c.http} if { path /old }", "http-request return errorfile {file:d.http} if { path /tokens }",
               "http-request return errorfile /dev/null if { path /null }", "http-request return status 404 default-errorfiles if { path /default }",
               "http-request deny status 404 if { path /deny }", "http-request deny deny_status 404 default-errorfiles if { path /page }",
               "http-request deny deny_status 404 status 405 if { path /both }", "errorfile 404 {file:b.http}").text,
        files=(("a.http", b"HTTP/1.1 404 Mine\r\nContent-Length: 2\r\nX: y\r\n\r\nno"),
               ("b.http", b"HTTP/1.1 404 Mine\r\nContent-Length: 2\r\nConnection: close\r\nX: y\r\n\r\nno"),
               ("c.http", b"HTTP/1.0 404 Mine\r\nContent-Length: 2\r\nX: y\r\n\r\nno"),
               ("d.http", b"HTTP/1.1 404 Mine\r\nContent-Length: 2\r\nConnection: keep-alive, foo\r\n\r\nno"))),
    "auth": Template("userlist {id}_u\n    group admin users bob\n    group staff\n    user bob insecure-password x groups staff\n"
                     f"    user al password {_HASH} groups staff\n    user eve insecure-password y\n"
                     + listen("http-request auth if { path /ask }", "http-request auth realm Doors unless { http_auth({id}_u) }",
                              "http-request deny if { path_beg /admin } !{ http_auth_group({id}_u) admin }",
                              "http-request set-header x-is %[http_auth({id}_u)]/%[http_auth_group({id}_u)]/%[http_auth_user]/%[http_auth_pass]/%[http_auth_type]").text),
    "set-log-level": listen("http-request set-log-level debug if { path /debug }", "http-request set-log-level silent if { path /silent }",
                        "http-response set-log-level err if { status 404 }", "option log-separate-errors"),
    "log-cookie-more": listen("capture cookie X len 3", "capture cookie SID= len 30"),
    "monitor-fail-if": listen("monitor-uri /alive", "monitor fail if { hdr(x-down) yes }", "monitor fail unless { hdr(x-up) yes }"),
    "send-name-close": listen("http-send-name-header X-Srv", "option httpclose", "option forwardfor"),
    "acls": split(("acl is_api path_beg /api", "acl is_host hdr(host) -i www.example.com", "acl post method POST", "acl img path_end .png .jpg",
                   "acl rx path_reg ^/r[0-9]+$", "acl dir path_dir static", "acl dom hdr_dom(host) example.org", "acl beg hdr_beg(x-v) v1",
                   "acl hend hdr_end(x-v) z", "acl url url /exact?q=1", "acl sub path_sub sub",
                   "use_backend {id}_2 if is_api !post or is_host", "use_backend {id}_2 if img || rx", "use_backend {id}_2 if dir",
                   "use_backend {id}_2 if dom", "use_backend {id}_2 if beg hend", "use_backend {id}_2 if url",
                   "use_backend {id}_2 if sub METH_GET", "use_backend {id}_2 unless { method -m str GET POST HEAD PUT }",
                   "use_backend {id}_2 if { req.hdr(x-len) -m len 3 }", "use_backend {id}_2 if { req.hdr(x-found) -m found }",
                   "use_backend {id}_2 if { hdr_cnt(x-c) gt 1 }", "use_backend {id}_2 if { url_param(k) v }", "use_backend {id}_2 if { req.cook(c) yes }",
                   "use_backend {id}_2 if { src 127.0.0.0/8 } { path /src }", "use_backend {id}_2 if { src -f {file:nets} } { path /nets }",
                   "use_backend {id}_2 if { path /nb } { nbsrv({id}_b) eq 1 }", "use_backend {id}_2 if HTTP_1.0"), ()).with_files(("nets", b"# nets\n10.0.0.0/8\n127.0.0.1\n")),
    "dyn-backend": split(("use_backend {id}_%[path,field(2,/)]",), ()),
    # timeouts
    "to-request": short("timeout http-request 150ms"),
    "to-request-client": short(defaults=SHORT.replace("timeout client 300ms", "timeout client 150ms")),
    "to-ka": short("timeout http-keep-alive 100ms", "timeout http-request 300ms"),
    "to-ka-req": short("timeout http-request 150ms"),
    "to-server": short(),
    "to-connect": short(server="server s1 127.0.0.1:{dead}"),
    "to-queue": short("timeout queue 100ms", server="server s1 127.0.0.1:{s1} maxconn 1"),
    "to-tunnel": short("timeout tunnel 150ms"),
    "to-tarpit": short("timeout tarpit 150ms", "http-request tarpit if { path /tar }", "http-request tarpit deny_status 429 if { path /tar429 }"),
    "to-client": short(),
    "to-buffer": short("option http-buffer-request", "timeout http-request 150ms"),
    "to-server-ka-queue": short("timeout queue 1s", server="server s1 127.0.0.1:{s1} maxconn 1"),
    # reuse
    "reuse-never": listen("http-reuse never"),
    "reuse-safe": listen("http-reuse safe"),
    "reuse-aggressive": listen("http-reuse aggressive"),
    "reuse-always": listen("http-reuse always"),
    "reuse-default": listen(),
    "reuse-nopool": listen("http-reuse always", server="server s1 127.0.0.1:{s1} pool-max-conn 0"),
    "reuse-prefer": listen("option prefer-last-server", "balance roundrobin", server="server s1 127.0.0.1:{s1}\nserver s2 127.0.0.1:{s2}"),
    "reuse-two": two("balance roundrobin"),
    "maxreuse": listen("http-reuse always", server="server s1 127.0.0.1:{s1} max-reuse 1"),
    # retries
    "retry-refused": listen("retries 1", "option redispatch", server="server dead 127.0.0.1:{dead}\nserver s1 127.0.0.1:{s1}"),
    "retry-redispatch-1": listen("retries 2", "option redispatch 1", server="server dead 127.0.0.1:{dead}\nserver s1 127.0.0.1:{s1}"),
    "retry-none": listen("retries 0", server="server dead 127.0.0.1:{dead}\nserver s1 127.0.0.1:{s1}"),
    "retry-empty": listen("retries 2", "retry-on empty-response conn-failure"),
    "retry-503": listen("retries 1", "retry-on 503"),
    "retry-all": listen("retries 2", "retry-on all-retryable-errors"),
    "backup": listen(server="server s1 127.0.0.1:{s1} disabled\nserver s2 127.0.0.1:{s2} backup"),
    "weights": listen("balance roundrobin", "option http-server-close", server="server s1 127.0.0.1:{s1} weight 3\nserver s2 127.0.0.1:{s2} weight 1"),
    "server-maxconn": listen(server="server s1 127.0.0.1:{s1} maxconn 1"),
    "fe-maxconn": listen("maxconn 1"),
    "zero-weight": listen("balance roundrobin", server="server s1 127.0.0.1:{s1} weight 0\nserver s2 127.0.0.1:{s2}"),
    "proxy-v1": listen(server="server s1 127.0.0.1:{s1} send-proxy"),
    "proxy-v2": listen(server="server s1 127.0.0.1:{s1} send-proxy-v2"),
    "accept-proxy": Template("listen {id}\n    bind 127.0.0.1:{port} accept-proxy\n    option forwardfor\n    server s1 127.0.0.1:{s1}\n"),
    # tcp
    "tcp": tcp(),
    "tcp-retry": tcp("retries 0", server="server s1 127.0.0.1:{dead}"),
    "tcp-null": tcp("option dontlognull"),
    "tcp-inspect": tcp("tcp-request inspect-delay 200ms", "tcp-request content accept if { req.len gt 3 }", "tcp-request content reject"),
    "tcp-inspect-http": tcp("tcp-request inspect-delay 200ms", "tcp-request content accept if HTTP", "tcp-request content reject"),
    "tcp-reject-conn": tcp("tcp-request connection reject"),
    "tcp-route": Template("frontend {id}\n    bind 127.0.0.1:{port}\n    tcp-request inspect-delay 300ms\n    tcp-request content accept if { req.len ge 1 }\n"
                          "    use_backend {id}_2 if { req.payload(0,1) -m str B }\n    default_backend {id}_b\nbackend {id}_b\n    server s1 127.0.0.1:{s1}\n"
                          "backend {id}_2\n    server s2 127.0.0.1:{s2}\n", defaults=TCP),
    "tcp-short": Template(tcp().text, defaults=TCP.replace("client 3s", "client 200ms")),
    "tcp-fin": Template(tcp("timeout client-fin 100ms", "timeout server-fin 100ms").text, defaults=TCP),
    "tcp-nolinger": tcp("option nolinger"),
    "tcp-v1": tcp(server="server s1 127.0.0.1:{s1} send-proxy"),
    "tcp-accept-proxy": Template("listen {id}\n    bind 127.0.0.1:{port} accept-proxy\n    server s1 127.0.0.1:{s1} send-proxy-v2\n", defaults=TCP),
    "tcp-http-inspect": listen("tcp-request inspect-delay 200ms", "tcp-request content reject if { req.len lt 4 }"),
    # logs
    "log-null": listen("option dontlognull"),
    "log-normal": listen("option dontlog-normal", "retries 0"),
    "log-separate": listen("option log-separate-errors"),
    "log-capture": listen("capture request header User-Agent len 5", "capture request header X-No len 5", "capture response header Server len 20"),
    "log-capture-first": split(("capture response header Server len 20",), ("http-response set-header Server changed",)),
    "log-cookie": listen("capture cookie SID len 10"),
    "log-tcp": listen("option tcplog"),
    "log-none": listen("no log"),
    "log-plain": Template(listen().text, defaults="defaults\n    mode http\n    log global\n    timeout connect 2s\n    timeout client 3s\n    timeout server 3s\n"),
    "log-plain-tcp": Template(listen().text, defaults="defaults\n    mode tcp\n    log global\n    timeout connect 2s\n    timeout client 3s\n    timeout server 3s\n"),
    "log-format": listen("log-format \"{id} %ci %ft %b %s %ST %B %U %tsc %hr %hs %{+Q}r %HM %HP %HQ %HU %HV %[src] %{+X}ST\""),
    "log-asap": listen("option logasap"),
    "log-httpclf": listen("option httplog clf"),
    "log-rfc5424": Template(listen().text, extra_global="    log 127.0.0.1:{syslog} format rfc5424 local1\n    log-send-hostname myhost\n"),
    "log-tag": Template(listen("log-tag mytag").text, extra_global="    log-tag globaltag\n"),
    "log-level": Template("listen {id}\n    bind 127.0.0.1:{port}\n    log 127.0.0.1:{syslog} local3 info\n    server s1 127.0.0.1:{s1}\n"),
}
