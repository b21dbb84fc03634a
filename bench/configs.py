"""The configuration of each line, in HAProxy's words and in nginx's, for the same work."""

from dataclasses import dataclass
from pathlib import Path

BACKENDS = 10


@dataclass(frozen=True)
class Site:
    """Where things are: the proxy's port, the two ports of the origin, syslog sink, certificate, scratch folder."""

    port: int
    origins: tuple[int, int]
    syslog: int
    pem: Path
    folder: Path


_HAPROXY_HEAD = """global
    maxconn 8000
    nbthread {threads}
{log_global}
defaults
    mode {mode}
{log_defaults}
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
"""

_NGINX = """daemon off;
worker_processes {workers};
worker_rlimit_nofile 19900;
pid {folder}/{name}.pid;
error_log {folder}/{name}.log crit;
events {{ worker_connections 19900; }}
http {{
    access_log {access};
    client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy; fastcgi_temp_path {folder}/{name}-f;
    uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
    keepalive_requests 1000000000; keepalive_timeout 60s; client_max_body_size 0;
    tcp_nodelay on; sendfile on;
{body}
}}
"""


def haproxy(kind: str, site: Site, threads: int = 1) -> str:
    """Returns: the haproxy.cfg of a line. kind: plain, tls, tcp, log, rules."""
    logged = kind == "log"
    head = _HAPROXY_HEAD.format(
        threads=threads, mode="tcp" if kind == "tcp" else "http",
        log_global=f"    log 127.0.0.1:{site.syslog} local0" if logged else "",
        log_defaults="    log global\n    option httplog" if logged else "",
    )
    bind = f"    bind 127.0.0.1:{site.port}" + (f" ssl crt {site.pem}" if kind == "tls" else "")
    return head + (_haproxy_rules(bind, site) if kind == "rules" else _haproxy_plain(bind, kind, site))


def _haproxy_plain(bind: str, kind: str, site: Site) -> str:
    reuse = "" if kind == "tcp" else "    http-reuse always\n"
    return f"frontend f\n{bind}\n    default_backend b\nbackend b\n    balance roundrobin\n{reuse}{_servers(site)}"


def _servers(site: Site) -> str:
    return "".join(f"    server s{i} 127.0.0.1:{port}\n" for i, port in enumerate(site.origins, 1))


def _haproxy_rules(bind: str, site: Site) -> str:
    """forwardfor, ten ACLs, a header set and one deleted, ten backends."""
    rows = [f"frontend f\n{bind}\n    option forwardfor\n    http-request set-header X-Forwarded-Proto http\n    http-request del-header X-Debug\n"]
    rows += [f"    acl app{i} path_beg /app{i}/\n" for i in range(BACKENDS)]
    rows += [f"    use_backend b{i} if app{i}\n" for i in range(BACKENDS)]
    rows += ["    default_backend b0\n"]
    rows += [f"backend b{i}\n    balance roundrobin\n    http-reuse always\n{_servers(site)}" for i in range(BACKENDS)]
    return "".join(rows)


def nginx(kind: str, site: Site, workers: int = 1) -> str:
    """Returns: the nginx.conf of the same line (not for tcp: the stream module is a package of its own)."""
    access = f"syslog:server=127.0.0.1:{site.syslog},nohostname combined" if kind == "log" else "off"
    tls = f"ssl_certificate {site.pem}; ssl_certificate_key {site.pem}; ssl_protocols TLSv1.2 TLSv1.3;" if kind == "tls" else ""
    listen = f"listen 127.0.0.1:{site.port} backlog=4096{' ssl' if kind == 'tls' else ''};"
    body = _nginx_rules(listen, site) if kind == "rules" else _nginx_plain(listen, tls, site)
    return _NGINX.format(workers=workers, folder=site.folder, name="proxy", access=access, body=body)


def _upstream(name: str, site: Site) -> str:
    servers = " ".join(f"server 127.0.0.1:{port};" for port in site.origins)
    return f"    upstream {name} {{ {servers} keepalive 1024; keepalive_requests 1000000000; }}\n"


_PASS = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off; proxy_max_temp_file_size 0;'


def _nginx_plain(listen: str, tls: str, site: Site) -> str:
    return _upstream("b", site) + f"    server {{ {listen} {tls} location / {{ proxy_pass http://b; {_PASS} }} }}"


def _nginx_rules(listen: str, site: Site) -> str:
    extra = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http; proxy_set_header X-Debug "";'
    ups = "".join(_upstream(f"b{i}", site) for i in range(BACKENDS))
    places = "\n".join(f"        location /app{i}/ {{ proxy_pass http://b{i}; {_PASS} {extra} }}" for i in range(BACKENDS))
    return f"{ups}    server {{ {listen}\n{places}\n    }}"


# A `return` would answer before the body has come: read all of it into memory first, then ask for the reply without it.
_READ_ALL = 'client_body_buffer_size 2m; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_http_version 1.1; proxy_method GET;'


def origin(ports: tuple[int, int], folder: Path) -> str:
    """Returns: the nginx.conf of the origin: a small reply anywhere, files under /files/, PUT under /put."""
    listen = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    body = f"""    upstream stored {{ server unix:{folder}/stored.sock; keepalive 64; }}
    server {{ listen unix:{folder}/stored.sock; location / {{ return 200 "stored\\n"; }} }}
    server {{ {listen}
        default_type text/plain;
        location / {{ return 200 "hello from the origin, a small reply of some bytes\\n"; }}
        location /put {{ {_READ_ALL} proxy_pass http://stored; }}
        location /files/ {{ alias {folder}/files/; }}
    }}"""
    return _NGINX.format(workers=1, folder=folder, name="origin", access="off", body=body)
