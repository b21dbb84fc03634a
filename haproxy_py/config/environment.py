"""The environment that a configuration sees: the process's, HAProxy's own variables, and what setenv and its kin make of it.

Source: manual 2.3, 3.1 (setenv, presetenv, resetenv, unsetenv).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from haproxy_py.version import BRANCH, EMULATED

HTTP_LOG_FMT = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
)
HTTPS_LOG_FMT = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r "
    "%[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
)
HTTP_CLF_LOG_FMT = (
    '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
    "%CC %CS %hrl %hsl"
)
TCP_LOG_FMT = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"


def starting(env: Mapping[str, str] | None, files: list[str]) -> dict[str, str]:
    """A copy of the environment with HAProxy's own variables filled in (those already there win, as with -L and -W)."""
    made = dict(os.environ if env is None else env)
    made.setdefault("HAPROXY_LOCALPEER", socket.gethostname())
    made["HAPROXY_CFGFILES"] = ";".join(files)
    made.setdefault("HAPROXY_STARTUP_VERSION", EMULATED)
    made["HAPROXY_BRANCH"] = BRANCH
    made["HAPROXY_HTTP_LOG_FMT"] = HTTP_LOG_FMT
    made["HAPROXY_HTTPS_LOG_FMT"] = HTTPS_LOG_FMT
    made["HAPROXY_HTTP_CLF_LOG_FMT"] = HTTP_CLF_LOG_FMT
    made["HAPROXY_TCP_LOG_FMT"] = TCP_LOG_FMT
    return made
