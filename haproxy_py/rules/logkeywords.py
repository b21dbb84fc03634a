"""log-format, log-format-sd, error-log-format, unique-id-format, unique-id-header (manual 4.2, 8.2).

Texts are kept while reading and compiled per frontend at the end, since the mode decides which aliases are allowed. What
streams and logs use afterwards are the compiled settings LOG, LOG_SD, LOG_ERROR and UNIQUE_ID.
"""

from __future__ import annotations

from dataclasses import dataclass

from haproxy_py.config.errors import Faults, Where
from haproxy_py.config.keywords.options import LOG_OPTION
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, FRONTEND, proxy_keyword, whole_file_check
from haproxy_py.rules.logaliases import HTTP_ONLY
from haproxy_py.rules.logformat import Format, UniqueId
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope

TCPLOG = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
)
HTTPSLOG = HTTPLOG + " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
CLF = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
    "%CC %CS %hrl %hsl"
)
TCP_CLF = '%{+Q}o %{-Q}ci - - [%T] "TCP " 000 %B "" "" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq "" "" '
CONNECT = "Connect from %ci:%cp to %fi:%fp (%f/{})"  # no option at all: 8.2.1
JSON = (  # the names of HAProxy's own example of a JSON log
    "%{+json}o %(client_ip)ci %(client_port)cp %(request_date)tr %(fe_name_transport)ft %(be_name)b %(server_name)s "
    "%(time_request)TR %(time_wait)Tw %(time_connect)Tc %(time_response)Tr %(time_active)Ta %(status_code)ST %(bytes_read)B "
    "%(captured_request_cookie)CC %(captured_response_cookie)CS %(termination_state_cookie)tsc %(actconn)ac %(feconn)fc "
    "%(beconn)bc %(srv_conn)sc %(retries)rc %(srv_queue)sq %(backend_queue)bq %(captured_request_headers)hr "
    "%(captured_response_headers)hs %(http_request)r"
)
OPTIONS = {"httplog json": JSON, "httplog": HTTPLOG, "httplog clf": CLF, "tcplog": TCPLOG, "tcplog clf": TCP_CLF, "httpslog": HTTPSLOG}


@dataclass(frozen=True, slots=True)
class Text:
    """A format as written."""

    text: str
    where: Where


LOG_FORMAT: Setting[Text | None] = Setting("log-format", None)
LOG_FORMAT_SD: Setting[Text | None] = Setting("log-format-sd", None)
ERROR_LOG_FORMAT: Setting[Text | None] = Setting("error-log-format", None)
UNIQUE_ID_FORMAT: Setting[Text | None] = Setting("unique-id-format", None)
UNIQUE_ID_HEADER: Setting[str | None] = Setting("unique-id-header", None)
LOG: Setting[Format | None] = Setting("compiled log-format", None, inherit=False)
LOG_AT_ACCEPT: Setting[bool] = Setting("log when the connection is accepted", False, inherit=False)
LOG_SD: Setting[Format | None] = Setting("compiled log-format-sd", None, inherit=False)
LOG_ERROR: Setting[Format | None] = Setting("compiled error-log-format", None, inherit=False)
UNIQUE_ID: Setting[UniqueId | None] = Setting("compiled unique-id-format", None, inherit=False)


def _one_argument(line: Line, keyword: str) -> str:
    if not line.arg(0):
        line.fail(f"{keyword} expects an argument.")
    if line.arg(1):
        line.fail(f"{keyword} expects only one argument, don't forget to escape spaces!")
    return line.arg(0)


def _keep(keyword: str, setting: Setting[Text | None]) -> None:
    def said(line: Line, proxy: Proxy) -> None:
        text = _one_argument(line, keyword)
        if proxy.kind == "backend" and keyword != "unique-id-format":
            line.warn(f"backend '{proxy.name}' : '{keyword}' directive is ignored in backends.")
            return
        line.set(proxy, setting, Text(text, line.where))
        if setting is LOG_FORMAT:
            proxy[LOG_OPTION] = ""

    proxy_keyword(keyword, sections=ANY_PROXY, args=(0, None), source="manual 4.2")(said)


_keep("log-format", LOG_FORMAT)
_keep("log-format-sd", LOG_FORMAT_SD)
_keep("error-log-format", ERROR_LOG_FORMAT)
_keep("unique-id-format", UNIQUE_ID_FORMAT)


@proxy_keyword("unique-id-header", sections=FRONTEND, args=(0, None), source="manual 4.2")
def unique_id_header(line: Line, proxy: Proxy) -> None:
    """unique-id-header <name>: the request gets a field with the unique id."""
    if not line.arg(0):
        line.fail("unique-id-header expects an argument.")
    line.set(proxy, UNIQUE_ID_HEADER, line.arg(0))


def _compiled(config: Config, proxy: Proxy, said: Text | None, keyword: str, faults: Faults) -> Format | None:
    """Compile a format for a frontend; complaints go to `faults`."""
    if said is None:
        return None
    scope = Scope(config, proxy, said.where, faults, "log" if keyword != "unique-id-format" else "fe http-request")
    try:
        made = parse_format(said.text, scope)
        wrong = next((node.name for node in made.nodes if node.name in HTTP_ONLY), None) if proxy[MODE] != "http" else None
        if wrong:
            raise FormatError(f"format variable '{wrong}' is reserved for HTTP mode")
        return made
    except FormatError as error:
        name = "unique-id" if keyword == "unique-id-format" else keyword
        faults.alert(f"failed to parse {name} : {error}.", said.where, "Parsing [{}]: ")
        return None


def log_text(proxy: Proxy) -> tuple[str, Where]:
    """The text of a frontend's log format and where it was asked for; the option said last counts, then log-format."""
    option, own = proxy[LOG_OPTION], proxy[LOG_FORMAT]
    if option:
        return OPTIONS[option], proxy.where
    if own:
        return own.text, own.where
    return CONNECT.format("HTTP" if proxy[MODE] == "http" else "TCP"), proxy.where


@whole_file_check
def compile_formats(config: Config, faults: Faults) -> None:
    """Compile what the frontends log."""
    for proxy in config.proxies:
        if not proxy.is_frontend:
            continue
        proxy[LOG] = _compiled(config, proxy, Text(*log_text(proxy)), "log-format", faults)
        proxy[LOG_AT_ACCEPT] = not proxy[LOG_OPTION] and proxy[LOG_FORMAT] is None
        proxy[LOG_SD] = _compiled(config, proxy, proxy[LOG_FORMAT_SD], "log-format-sd", faults)
        proxy[LOG_ERROR] = _compiled(config, proxy, proxy[ERROR_LOG_FORMAT], "error-log-format", faults)
        made = _compiled(config, proxy, proxy[UNIQUE_ID_FORMAT], "unique-id-format", faults)
        header = proxy[UNIQUE_ID_HEADER]
        if made is not None:
            proxy[UNIQUE_ID] = UniqueId(made, header.lower().encode("utf-8", "surrogateescape") if header else None)
