"""Commands of features that are not built yet: they are listed, their level is checked, and they say so.

A module that registers one of these takes its place; then the row leaves this table. Read-only lists of things that cannot exist yet are empty, as HAProxy's are.
"""

from __future__ import annotations

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer, Level, command

USER, OPER, ADMIN = Level.USER, Level.OPERATOR, Level.ADMIN

# name, usage, about, least level
NOT_BUILT = (
    ("abort ssl ca-file", "abort ssl ca-file <cafile>", "abort a transaction for a CA file", ADMIN),
    ("abort ssl cert", "abort ssl cert <certfile>", "abort a transaction for a certificate file", ADMIN),
    ("abort ssl crl-file", "abort ssl crl-file <crlfile>", "abort a transaction for a CRL file", ADMIN),
    ("acme renew", "acme renew <certfile>", "renew a certificate using the ACME protocol", ADMIN),
    ("acme status", "acme status", "show status of certificates configured with ACME", ADMIN),
    ("add acl", "add acl [@<ver>] <acl> <pattern>", "add an acl entry", USER),
    ("add map", "add map [@<ver>] <map> <key> <val>", "add a map entry (payload supported instead of key/val)", USER),
    ("add ssl ca-file", "add ssl ca-file <cafile> <payload>", "add a certificate into the CA file", ADMIN),
    ("add ssl crt-list", "add ssl crt-list <list> <cert> [opts]*", "add to crt-list file <list> a line <cert> or a payload", ADMIN),
    ("clear acl", "clear acl [@<ver>] <acl>", "clear the contents of this acl", USER),
    ("clear map", "clear map [@<ver>] <map>", "clear the contents of this map", USER),
    ("clear table", "clear table <table> [<filter>]*", "remove an entry from a table (filter: data/key)", USER),
    ("commit acl", "commit acl @<ver> <acl>", "commit the ACL at this version", USER),
    ("commit map", "commit map @<ver> <map>", "commit the map at this version", USER),
    ("commit ssl ca-file", "commit ssl ca-file <cafile>", "commit a CA file", ADMIN),
    ("commit ssl cert", "commit ssl cert <certfile>", "commit a certificate file", ADMIN),
    ("commit ssl crl-file", "commit ssl crl-file <crlfile>", "commit a CRL file", ADMIN),
    ("del acl", "del acl <acl> [<key>|#<ref>]", "delete acl entries matching <key>", USER),
    ("del map", "del map <map> [<key>|#<ref>]", "delete map entries matching <key>", USER),
    ("del ssl ca-file", "del ssl ca-file <cafile>", "delete an unused CA file", ADMIN),
    ("del ssl cert", "del ssl cert <certfile>", "delete an unused certificate file", ADMIN),
    ("del ssl crl-file", "del ssl crl-file <crlfile>", "delete an unused CRL file", ADMIN),
    ("del ssl crt-list", "del ssl crt-list <list> <cert[:line]>", "delete a line <cert> from crt-list file <list>", ADMIN),
    ("dump ssl cert", "dump ssl cert <certfile>", "dump the SSL certificates in PEM format", ADMIN),
    ("dump stats-file", "dump stats-file", "dump stats for restore", OPER),
    ("get acl", "get acl <acl> <value>", "report the patterns matching a sample for an ACL", USER),
    ("get map", "get map <map> <value>", "report the keys and values matching a sample for a map", USER),
    ("new ssl ca-file", "new ssl ca-file <cafile>", "create a new CA file to be used in a crt-list", ADMIN),
    ("new ssl cert", "new ssl cert <certfile>", "create a new certificate file to be used in a crt-list or a directory", ADMIN),
    ("new ssl crl-file", "new ssl crl-file <crlfile>", "create a new CRL file to be used in a crt-list", ADMIN),
    ("prepare acl", "prepare acl <acl>", "prepare a new version for atomic ACL replacement", USER),
    ("prepare map", "prepare map <map>", "prepare a new version for atomic map replacement", USER),
    ("set map", "set map <map> [<key>|#<ref>] <value>", "modify a map entry", USER),
    ("set ssl ca-file", "set ssl ca-file <cafile> <payload>", "replace a CA file", ADMIN),
    ("set ssl cert", "set ssl cert <certfile> <payload>", "replace a certificate file", ADMIN),
    ("set ssl crl-file", "set ssl crl-file <crlfile> <payload>", "replace a CRL file", ADMIN),
    ("set ssl ocsp-response", "set ssl ocsp-response <resp|payload>", "update a certificate's OCSP Response from a base64-encode DER", USER),
    ("set ssl tls-key", "set ssl tls-key [id|file] <key>", "set the next TLS key for the <id> or <file> listener to <key>", USER),
    ("set table", "set table <table> key <k> [data.* <v>]*", "update or create a table entry's data", USER),
    ("show acl", "show acl [@<ver>] <acl>", "report available acls or dump an acl's contents", USER),
    ("show servers state", "show servers state [<backend>]", "dump volatile server information (all or for a single backend)", USER),
    ("show quic", "show quic [<format>] [<filter>]", "display quic connections status", USER),
    ("show ssl ca-file", "show ssl ca-file [<cafile>[:<index>]]", "display the SSL CA files used in memory, or the details of a <cafile>, or a single certificate of index <index> of a CA file <cafile>", USER),
    ("show ssl cert", "show ssl cert [<certfile>]", "display the SSL certificates used in memory, or the details of a file", USER),
    ("show ssl crl-file", "show ssl crl-file [<crlfile[:<index>>]]", "display the SSL CRL files used in memory, or the details of a <crlfile>, or a single CRL of index <index> of CRL file <crlfile>", USER),
    ("show ssl crt-list", "show ssl crt-list [-n] [<list>]", "show the list of crt-lists or the content of a crt-list file <list>", ADMIN),
    ("show ssl ocsp-response", "show ssl ocsp-response [[text|base64] id]", "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response (in text or base64 format)", USER),
    ("show ssl ocsp-updates", "show ssl ocsp-updates", "display information about the next 'nb' ocsp responses that will be updated automatically", USER),
    ("show ssl providers", "show ssl providers", "show loaded SSL providers", USER),
    ("show ssl sni", "show ssl sni [-f <frontend>]", "display the list of SNI and their corresponding filename", USER),
    ("trace", "trace [<module>|0] [cmd [args...]]", "manage live tracing (empty to list, 0 to stop all)", OPER),
    ("update ssl ocsp-response", "update ssl ocsp-response <certfile>", "send ocsp request and update stored ocsp response", USER),
)  # fmt: skip

EXPERT = (
    "add backend", "debug counters", "debug dev", "del backend", "httpclient", "publish backend", "unpublish backend",
)  # fmt: skip


def _say_so(call: Call) -> None:
    """What such a command answers."""
    raise Answer(f"'{call.row.name}' is known to HAProxy, not supported yet.\n")


for _name, _usage, _about, _level in NOT_BUILT:
    command(_name, _usage, _about, level=_level, placeholder=True)(_say_so)
for _name in EXPERT:
    command(_name, level=Level.ADMIN, expert=True, placeholder=True)(_say_so)


EMPTY = (
    ("show cache", "show cache", "show cache status", OPER, ""),
    ("show map", "show map [@<ver>] [map]", "report available maps or dump a map's contents", USER, "# id (file) description\n"),
    ("show table", "show table [<table> [<filter>]*]", "report table usage stats or dump this table's contents (filter: data/key)", USER, ""),
)  # fmt: skip


def _register_empty(name: str, usage: str, about: str, level: Level, text: str) -> None:
    @command(name, usage, about, level=level, placeholder=True)
    def nothing(call: Call) -> str | None:
        """There is none of these: the list of them is empty, and a named one is not found."""
        if call.args and name in ("show map", "show table"):
            raise Answer("No such table\n" if name == "show table" else "Unknown map identifier. Please use #<id> or <file>.\n")
        return text or None


for _row in EMPTY:
    _register_empty(*_row)
