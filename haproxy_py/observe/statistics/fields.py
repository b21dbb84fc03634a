"""What the statistics can say: every field of `show stat` and `show info` with its place, kind and words.

The order is HAProxy's (3.2; the first 83 of `show stat` as since 1.8, so that parsers go by position if they must). A
kind is three letters and a type, as `typed` output shows it: origin (Metric, Status, Key, Config, Product), nature (Gauge,
Limit, maX as M, Rate, Counter, Duration, Age, Name, Output, average as a), scope (Process, Service, Global as S or G), and
u32, u64, s32 or str. It is given for each kind of row that has the field: F frontend, L listener, S server, B backend.
Source: management manual 9.1 and 9.2 (CSV and typed formats).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Field:
    """One field. kinds: letter of a row (F L S B; "I" for show info) -> "MGP:u32"."""

    name: str
    desc: str
    kinds: dict[str, str] = field(default_factory=dict)


_STAT = (
    ("pxname", "FLSB=KNS:str", "Proxy name"),
    ("svname", "FLSB=KNS:str", "Server name"),
    ("qcur", "SB=MGP:u32", "Number of current queued connections"),
    ("qmax", "SB=MMP:u32", "Highest value of queued connections encountered since process started"),
    ("scur", "FLSB=MGP:u32", "Number of current sessions on the frontend, backend or server"),
    ("smax", "FLSB=MMP:u32", "Highest value of current sessions encountered since process started"),
    ("slim", "FLSB=CLP:u32", "Frontend/listener/server's maxconn, backend's fullconn"),
    ("stot", "FLSB=MCP:u64", "Total number of sessions since process started"),
    ("bin", "FLSB=MCP:u64", "Total number of request bytes since process started"),
    ("bout", "FLSB=MCP:u64", "Total number of response bytes since process started"),
    ("dreq", "FLB=MCP:u64", "Total number of denied requests since process started"),
    ("dresp", "FLSB=MCP:u64", "Total number of denied responses since process started"),
    ("ereq", "FL=MCP:u64", "Total number of invalid requests since process started"),
    ("econ", "SB=MCP:u64", "Total number of failed connections to server since the worker process started"),
    ("eresp", "SB=MCP:u64", "Total number of invalid responses since the worker process started"),
    ("wretr", "SB=MCP:u64", "Total number of server connection retries since the worker process started"),
    ("wredis", "SB=MCP:u64", "Total number of server redispatches due to connection failures since the worker process started"),
    ("status", "FLSB=SGP:str", "Frontend/listen status: OPEN/WAITING/FULL/STOP; backend: UP/DOWN; server: last check status"),
    ("weight", "SB=MaP:u32", "Server's effective weight, or sum of active servers' effective weights for a backend"),
    ("act", "S=SGP:u32 B=MGP:u32", "Total number of active UP servers with a non-zero weight"),
    ("bck", "S=SGP:u32 B=MGP:u32", "Total number of backup UP servers with a non-zero weight"),
    (
        "chkfail", "S=MCP:u64",
        "Total number of failed individual health checks per server/backend, since the worker process started",
    ),
    (
        "chkdown", "SB=MCP:u64",
        ("Total number of failed checks causing UP to DOWN server transitions, per server/backend, since the worker "
        "process started"),
    ),
    ("lastchg", "SB=MAP:u32", "How long ago the last server state changed, in seconds"),
    ("downtime", "SB=MCP:u32", "Total time spent in DOWN state, for server or backend"),
    ("qlimit", "S=CGS:u32", "Limit on the number of connections in queue, for servers only (maxqueue argument)"),
    ("pid", "FLSB=KGP:u32", "Relative worker process number (1)"),
    ("iid", "FLSB=KGS:u32", "Frontend or Backend numeric identifier ('id' setting)"),
    ("sid", "FLSB=KGS:u32", "Server numeric identifier ('id' setting)"),
    (
        "throttle", "S=MaP:u32",
        "Throttling ratio applied to a server's maxconn and weight during the slowstart period (0 to 100%)",
    ),
    (
        "lbtot", "SB=MCP:u64",
        ("Total number of requests routed by load balancing since the worker process started (ignores queue pop and "
        "stickiness)"),
    ),
    ("tracked", "S=CNS:str", "Name of the other server this server tracks for its state"),
    ("type", "FLSB=CGS:u32", "Type of the object (Listener, Frontend, Backend, Server)"),
    (
        "rate", "FS=MRP:u32 B=MGP:u32",
        ("Total number of sessions processed by this object over the last second (sessions for listeners/frontends, "
        "requests for backends/servers)"),
    ),
    (
        "rate_lim", "F=CLP:u32",
        "Limit on the number of sessions accepted in a second (frontend only, 'rate-limit sessions' setting)",
    ),
    ("rate_max", "FS=MMP:u32 B=MGP:u32", "Highest value of sessions per second observed since the worker process started"),
    (
        "check_status", "S=MOP:str",
        "Status report of the server's latest health check, prefixed with '*' if a check is currently in progress",
    ),
    ("check_code", "S=MOP:u32", "HTTP/SMTP/LDAP status code reported by the latest server health check"),
    ("check_duration", "S=MDP:u64", "Total duration of the latest server health check, in milliseconds"),
    (
        "hrsp_1xx", "FSB=MCP:u64",
        "Total number of HTTP responses with status 100-199 returned by this object since the worker process started",
    ),
    (
        "hrsp_2xx", "FSB=MCP:u64",
        "Total number of HTTP responses with status 200-299 returned by this object since the worker process started",
    ),
    (
        "hrsp_3xx", "FSB=MCP:u64",
        "Total number of HTTP responses with status 300-399 returned by this object since the worker process started",
    ),
    (
        "hrsp_4xx", "FSB=MCP:u64",
        "Total number of HTTP responses with status 400-499 returned by this object since the worker process started",
    ),
    (
        "hrsp_5xx", "FSB=MCP:u64",
        "Total number of HTTP responses with status 500-599 returned by this object since the worker process started",
    ),
    (
        "hrsp_other", "FSB=MCP:u64",
        ("Total number of HTTP responses with status <100, >599 returned by this object since the worker process started "
        "(error -1 included)"),
    ),
    (
        "hanafail", "S=MCP:u64",
        "Total number of failed checks caused by an 'on-error' directive after an 'observe' condition matched",
    ),
    ("req_rate", "F=MRP:u32", "Number of HTTP requests processed over the last second on this object"),
    ("req_rate_max", "F=MMP:u32", "Highest value of http requests observed since the worker process started"),
    ("req_tot", "FSB=MCP:u64", "Total number of HTTP requests processed by this object since the worker process started"),
    (
        "cli_abrt", "SB=MCP:u64",
        "Total number of requests or connections aborted by the client since the worker process started",
    ),
    (
        "srv_abrt", "SB=MCP:u64",
        "Total number of requests or connections aborted by the server since the worker process started",
    ),
    (
        "comp_in", "FB=MCP:u64",
        "Total number of bytes submitted to the HTTP compressor for this object since the worker process started",
    ),
    (
        "comp_out", "FB=MCP:u64",
        "Total number of bytes emitted by the HTTP compressor for this object since the worker process started",
    ),
    (
        "comp_byp", "FB=MCP:u64",
        ("Total number of bytes that bypassed HTTP compression for this object since the worker process started "
        "(CPU/memory/bandwidth limitation)"),
    ),
    (
        "comp_rsp", "FB=MCP:u64",
        "Total number of HTTP responses that were compressed for this object since the worker process started",
    ),
    ("lastsess", "SB=MAP:s32", "How long ago some traffic was seen on this object on this worker process, in seconds"),
    ("last_chk", "S=MOP:str", "Short description of the latest health check report for this server (see also check_desc)"),
    ("last_agt", "S=MOP:str", "Short description of the latest agent check report for this server (see also agent_desc)"),
    ("qtime", "SB=MaP:u32", "Time spent in the queue, in milliseconds, averaged over the 1024 last requests (backend/server)"),
    (
        "ctime", "SB=MaP:u32",
        ("Time spent waiting for a connection to complete, in milliseconds, averaged over the 1024 last requests "
        "(backend/server)"),
    ),
    (
        "rtime", "SB=MaP:u32",
        "Time spent waiting for a server response, in milliseconds, averaged over the 1024 last requests (backend/server)",
    ),
    (
        "ttime", "SB=MaP:u32",
        ("Total request+response time (request+queue+connect+response+processing), in milliseconds, averaged over the 1024 "
        "last requests (backend/server)"),
    ),
    (
        "agent_status", "S=MOP:str",
        "Status report of the server's latest agent check, prefixed with '*' if a check is currently in progress",
    ),
    ("agent_code", "S=MOP:u32", "Status code reported by the latest server agent check"),
    ("agent_duration", "S=MDP:u64", "Total duration of the latest server agent check, in milliseconds"),
    ("check_desc", "S=MOP:str", "Textual description of the latest health check report for this server"),
    ("agent_desc", "S=MOP:str", "Textual description of the latest agent check report for this server"),
    ("check_rise", "S=CGS:u32", "Number of successful health checks before declaring a server UP (server 'rise' setting)"),
    ("check_fall", "S=CGS:u32", "Number of failed health checks before declaring a server DOWN (server 'fall' setting)"),
    ("check_health", "S=CGS:u32", "Current server health check level (0..fall-1=DOWN, fall..rise-1=UP)"),
    ("agent_rise", "S=CGS:u32", "Number of successful agent checks before declaring a server UP (server 'rise' setting)"),
    ("agent_fall", "S=CGS:u32", "Number of failed agent checks before declaring a server DOWN (server 'fall' setting)"),
    ("agent_health", "S=CGS:u32", "Current server agent check level (0..fall-1=DOWN, fall..rise-1=UP)"),
    ("addr", "LS=CGS:str", "Server's address:port, shown only if show-legends is set, or at levels oper/admin for the CLI"),
    (
        "cookie", "SB=CNS:str",
        ("Backend's cookie name or Server's cookie value, shown only if show-legends is set, or at levels oper/admin for "
        "the CLI"),
    ),
    ("mode", "FLSB=CGS:str", "'mode' setting (tcp/http/health/cli)"),
    (
        "algo", "B=CGS:str",
        "Backend's load balancing algorithm, shown only if show-legends is set, or at levels oper/admin for the CLI",
    ),
    (
        "conn_rate", "F=MRP:u32",
        "Number of new connections accepted over the last second on the frontend for this worker process",
    ),
    ("conn_rate_max", "F=MMP:u32", "Highest value of connections per second observed since the worker process started"),
    ("conn_tot", "F=MCP:u64", "Total number of new connections accepted on this frontend since the worker process started"),
    (
        "intercepted", "F=MCP:u64",
        ("Total number of HTTP requests intercepted on the frontend (redirects/stats/services) since the worker process "
        "started"),
    ),
    (
        "dcon", "FL=MCP:u64",
        ("Total number of incoming connections blocked on a listener/frontend by a tcp-request connection rule since the "
        "worker process started"),
    ),
    (
        "dses", "FL=MCP:u64",
        ("Total number of incoming sessions blocked on a listener/frontend by a tcp-request connection rule since the "
        "worker process started"),
    ),
    ("wrew", "FLSB=MCP:u64", "Total number of failed HTTP header rewrites since the worker process started"),
    (
        "connect", "SB=MCP:u64",
        "Total number of outgoing connection attempts on this backend/server since the worker process started",
    ),
    ("reuse", "SB=MCP:u64", "Total number of reused connection on this backend/server since the worker process started"),
    (
        "cache_lookups", "FB=MCP:u64",
        "Total number of HTTP requests looked up in the cache on this frontend/backend since the worker process started",
    ),
    (
        "cache_hits", "FB=MCP:u64",
        "Total number of HTTP requests not found in the cache on this frontend/backend since the worker process started",
    ),
    ("srv_icur", "S=MGP:u32", "Current number of idle connections available for reuse on this server"),
    (
        "src_ilim", "S=CLP:u32",
        "Limit on the number of available idle connections on this server (server 'pool_max_conn' directive)",
    ),
    ("qtime_max", "SB=MMP:u32", "Maximum observed time spent in the queue, in milliseconds (backend/server)"),
    (
        "ctime_max", "SB=MMP:u32",
        "Maximum observed time spent waiting for a connection to complete, in milliseconds (backend/server)",
    ),
    ("rtime_max", "SB=MMP:u32", "Maximum observed time spent waiting for a server response, in milliseconds (backend/server)"),
    (
        "ttime_max", "SB=MMP:u32",
        ("Maximum observed total request+response time (request+queue+connect+response+processing), in milliseconds "
        "(backend/server)"),
    ),
    ("eint", "FLSB=MCP:u64", "Total number of internal errors since process started"),
    ("idle_conn_cur", "S=MGP:u32", "Current number of unsafe idle connections"),
    ("safe_conn_cur", "S=MGP:u32", "Current number of safe idle connections"),
    ("used_conn_cur", "S=MGP:u32", "Current number of connections in use"),
    ("need_conn_est", "S=MGP:u32", "Estimated needed number of connections"),
    ("uweight", "SB=MaP:u32", "Server's user weight, or sum of active servers' user weights for a backend"),
    ("agg_server_status", "B=MGP:u32", "Backend's aggregated gauge of servers' status"),
    ("agg_server_check_status", "B=MGP:u32", "[DEPRECATED] Backend's aggregated gauge of servers' status"),
    ("agg_check_status", "B=MGP:u32", "Backend's aggregated gauge of servers' state check status"),
    ("srid", "S=MCP:u32", "Server id revision, to prevent server id reuse mixups"),
    ("sess_other", "F=MCP:u64", "Total number of sessions other than HTTP since process started"),
    ("h1sess", "F=MCP:u64", "Total number of HTTP/1 sessions since process started"),
    ("h2sess", "F=MCP:u64", "Total number of HTTP/2 sessions since process started"),
    ("h3sess", "F=MCP:u64", "Total number of HTTP/3 sessions since process started"),
    (
        "req_other", "F=MCP:u64",
        "Total number of sessions other than HTTP processed by this object since the worker process started",
    ),
    ("h1req", "F=MCP:u64", "Total number of HTTP/1 sessions processed by this object since the worker process started"),
    ("h2req", "F=MCP:u64", "Total number of HTTP/2 sessions processed by this object since the worker process started"),
    ("h3req", "F=MCP:u64", "Total number of HTTP/3 sessions processed by this object since the worker process started"),
    ("proto", "L=SGP:str", "Protocol"),
    # from here on modules of their own: behind a column named "-" in the CSV
    ("ssl_sess", "FLSB=MCP:u64", "Total number of ssl sessions established"),
    ("ssl_reused_sess", "FLSB=MCP:u64", "Total number of ssl sessions reused"),
    ("ssl_failed_handshake", "FLSB=MCP:u64", "Total number of failed handshake"),
    ("h2_headers_rcvd", "FB=MCP:u64", "Total number of received HEADERS frames"),
    ("h2_data_rcvd", "FB=MCP:u64", "Total number of received DATA frames"),
    ("h2_settings_rcvd", "FB=MCP:u64", "Total number of received SETTINGS frames"),
    ("h2_rst_stream_rcvd", "FB=MCP:u64", "Total number of received RST_STREAM frames"),
    ("h2_goaway_rcvd", "FB=MCP:u64", "Total number of received GOAWAY frames"),
    ("h2_detected_conn_protocol_errors", "FB=MCP:u64", "Total number of connection protocol errors"),
    ("h2_detected_strm_protocol_errors", "FB=MCP:u64", "Total number of stream protocol errors"),
    ("h2_rst_stream_resp", "FB=MCP:u64", "Total number of RST_STREAM sent on detected error"),
    ("h2_goaway_resp", "FB=MCP:u64", "Total number of GOAWAY sent on detected error"),
    ("h2_open_connections", "FB=MGP:u64", "Count of currently open connections"),
    ("h2_backend_open_streams", "FB=MGP:u64", "Count of currently open streams"),
    ("h2_total_connections", "FB=MCP:u64", "Total number of connections"),
    ("h2_backend_total_streams", "FB=MCP:u64", "Total number of streams"),
    ("h1_open_connections", "FB=MGP:u64", "Count of currently open connections"),
    ("h1_open_streams", "FB=MGP:u64", "Count of currently open streams"),
    ("h1_total_connections", "FB=MCP:u64", "Total number of connections"),
    ("h1_total_streams", "FB=MCP:u64", "Total number of streams"),
    ("h1_bytes_in", "FB=MCP:u64", "Total number of bytes received"),
    ("h1_bytes_out", "FB=MCP:u64", "Total number of bytes sent"),
    ("h1_spliced_bytes_in", "FB=MCP:u64", "Total number of bytes received using kernel splicing"),
    ("h1_spliced_bytes_out", "FB=MCP:u64", "Total number of bytes sent using kernel splicing"),
)  # fmt: skip

_INFO = (
    ("Name", "POS:str", "Product name"),
    ("Version", "POS:str", "Product version"),
    ("Release_date", "POS:str", "Date of latest source code update"),
    ("Nbthread", "CGS:u32", "Number of started threads (global.nbthread)"),
    ("Nbproc", "CGS:u32", "Number of started worker processes (historical, always 1)"),
    ("Process_num", "KGP:u32", "Relative worker process number (1)"),
    ("Pid", "SGP:u32", "This worker process identifier for the system"),
    ("Uptime", "MDP:str", "How long ago this worker process was started (days+hours+minutes+seconds)"),
    ("Uptime_sec", "MDP:u32", "How long ago this worker process was started (seconds)"),
    ("Memmax_MB", "CLP:u32", "Worker process's hard limit on memory usage in MB (-m on command line)"),
    ("PoolAlloc_MB", "MGP:u32", "Amount of memory allocated in pools (in MB)"),
    ("PoolUsed_MB", "MGP:u32", "Amount of pool memory currently used (in MB)"),
    ("PoolFailed", "MCP:u32", "Number of failed pool allocations since this worker was started"),
    ("Ulimit-n", "CLP:u32", "Hard limit on the number of per-process file descriptors"),
    ("Maxsock", "CLP:u32", "Hard limit on the number of per-process sockets"),
    ("Maxconn", "CLP:u32", "Hard limit on the number of per-process connections (configured or imposed by Ulimit-n)"),
    ("Hard_maxconn", "CLP:u32", "Hard limit on the number of per-process connections (imposed by Memmax_MB or Ulimit-n)"),
    ("CurrConns", "MGP:u32", "Current number of connections on this worker process"),
    ("CumConns", "MCP:u32", "Total number of connections on this worker process since started"),
    ("CumReq", "MCP:u32", "Total number of requests on this worker process since started"),
    ("MaxSslConns", "MMP:u32", "Hard limit on the number of per-process SSL endpoints (front+back), 0=unlimited"),
    ("CurrSslConns", "MGP:u32", "Current number of SSL endpoints on this worker process (front+back)"),
    ("CumSslConns", "MCP:u32", "Total number of SSL endpoints on this worker process since started (front+back)"),
    ("Maxpipes", "CLP:u32", "Hard limit on the number of pipes for splicing, 0=unlimited"),
    ("PipesUsed", "MGP:u32", "Current number of pipes in use in this worker process"),
    ("PipesFree", "MGP:u32", "Current number of allocated and available pipes in this worker process"),
    ("ConnRate", "MRP:u32", "Number of front connections created on this worker process over the last second"),
    ("ConnRateLimit", "CLP:u32", "Hard limit for ConnRate (global.maxconnrate)"),
    ("MaxConnRate", "MMP:u32", "Highest ConnRate reached on this worker process since started (in connections per second)"),
    ("SessRate", "MRP:u32", "Number of sessions created on this worker process over the last second"),
    ("SessRateLimit", "CLP:u32", "Hard limit for SessRate (global.maxsessrate)"),
    ("MaxSessRate", "MRP:u32", "Highest SessRate reached on this worker process since started (in sessions per second)"),
    ("SslRate", "MRP:u32", "Number of SSL connections created on this worker process over the last second"),
    ("SslRateLimit", "CLP:u32", "Hard limit for SslRate (global.maxsslrate)"),
    ("MaxSslRate", "MMP:u32", "Highest SslRate reached on this worker process since started (in connections per second)"),
    ("SslFrontendKeyRate", "MGP:u32", "Number of SSL keys created on frontends in this worker process over the last second"),
    (
        "SslFrontendMaxKeyRate", "MMP:u32",
        "Highest SslFrontendKeyRate reached on this worker process since started (in SSL keys per second)",
    ),
    ("SslFrontendSessionReuse_pct", "MGP:u32", "Percent of frontend SSL connections which did not require a new key"),
    ("SslBackendKeyRate", "MRP:u32", "Number of SSL keys created on backends in this worker process over the last second"),
    (
        "SslBackendMaxKeyRate", "MMP:u32",
        "Highest SslBackendKeyRate reached on this worker process since started (in SSL keys per second)",
    ),
    (
        "SslCacheLookups", "MCP:u32",
        "Total number of SSL session ID lookups in the SSL session cache on this worker since started",
    ),
    (
        "SslCacheMisses", "MCP:u32",
        "Total number of SSL session ID lookups that didn't find a session in the SSL session cache on this worker since started",
    ),
    (
        "CompressBpsIn", "MRP:u32",
        "Number of bytes submitted to the HTTP compressor in this worker process over the last second",
    ),
    ("CompressBpsOut", "MRP:u32", "Number of bytes emitted by the HTTP compressor in this worker process over the last second"),
    ("CompressBpsRateLim", "CLP:u32", "Limit of CompressBpsOut beyond which HTTP compression is automatically disabled"),
    ("ZlibMemUsage", "MGP:u32", "Amount of memory currently used by HTTP compression on the current worker process (in bytes)"),
    (
        "MaxZlibMemUsage", "CLP:u32",
        ("Limit on the amount of memory used by HTTP compression above which it is automatically disabled (in bytes, see "
        "global.maxzlibmem)"),
    ),
    ("Tasks", "MGP:u32", "Total number of tasks in the current worker process (active + sleeping)"),
    ("Run_queue", "MGP:u32", "Total number of active tasks+tasklets in the current worker process"),
    ("Idle_pct", "MaP:u32", "Percentage of last second spent waiting in the current worker thread"),
    ("node", "COS:str", "Node name (global.node)"),
    ("description", "COS:str", "Node description (global.description)"),
    ("Stopping", "MGP:u32", "1 if the worker process is currently stopping, otherwise zero"),
    (
        "Jobs", "MGP:u32",
        "Current number of active jobs on the current worker process (frontend connections, master connections, listeners)",
    ),
    ("Unstoppable Jobs", "MGP:u32", "Current number of unstoppable jobs on the current worker process (master connections)"),
    ("Listeners", "MGP:u32", "Current number of active listeners on the current worker process"),
    ("ActivePeers", "MGP:u32", "Current number of verified active peers connections on the current worker process"),
    ("ConnectedPeers", "MGP:u32", "Current number of peers having passed the connection step on the current worker process"),
    ("DroppedLogs", "MGP:u32", "Total number of dropped logs for current worker process since started"),
    (
        "BusyPolling", "MGP:u32",
        "1 if busy-polling is currently in use on the worker process, otherwise zero (config.busy-polling)",
    ),
    ("FailedResolutions", "MGP:u32", "Total number of failed DNS resolutions in current worker process since started"),
    ("TotalBytesOut", "MGP:u64", "Total number of bytes emitted by current worker process since started"),
    (
        "TotalSplicedBytesOut", "MGP:u64",
        "Total number of bytes emitted by current worker process through a kernel pipe since started",
    ),
    ("BytesOutRate", "MRP:u64", "Number of bytes emitted by current worker process over the last second"),
    ("DebugCommandsIssued", "MGP:u32", "Number of debug commands issued on this process (anything > 0 is unsafe)"),
    (
        "CumRecvLogs", "MCP:u32",
        "Total number of log messages received by log-forwarding listeners on this worker process since started",
    ),
    ("Build info", "POS:str", "Build info"),
    ("Memmax_bytes", "CLP:u32", "Worker process's hard limit on memory usage in bytes (-m on command line)"),
    ("PoolAlloc_bytes", "MGP:u64", "Amount of memory allocated in pools (in bytes)"),
    ("PoolUsed_bytes", "MGP:u64", "Amount of pool memory currently used (in bytes)"),
    ("Start_time_sec", "MDP:u32", "Start time in seconds"),
    ("Tainted", "SGP:str", "Experimental features used"),
    ("TotalWarnings", "MCP:u32", "Total warnings issued"),
    ("MaxconnReached", "MCP:u32", "Number of times an accepted connection resulted in Maxconn being reached"),
    ("BootTime_ms", "MDP:u32", "How long ago it took to parse and process the config before being ready (milliseconds)"),
    ("Niced_tasks", "MGP:u32", "Total number of active tasks+tasklets in the current worker process (Run_queue) that are niced"),
    ("CurrStreams", "MGP:u64", "Current number of streams on this worker process"),
    ("CumStreams", "MCP:u64", "Total number of streams created on this worker process since started"),
    (
        "BlockedTrafficWarnings", "MCP:u32",
        "Total number of warnings issued about traffic being blocked by too slow a task",
    ),
    ("PatternsAdded", "MCP:u64", "Total number of patterns added (acl/map entries)"),
    ("PatternsFreed", "MCP:u64", "Total number of patterns freed (acl/map entries)"),
)  # fmt: skip


def _kinds(text: str) -> dict[str, str]:
    """{"B": "MGP:u32", ...} of "BS=MGP:u32 F=MRP:u32"."""
    return {row: kind for rows, _, kind in (part.partition("=") for part in text.split(" ")) for row in rows}


STAT = tuple(Field(name, desc, _kinds(kinds)) for name, kinds, desc in _STAT)
INFO = tuple(Field(name, desc, {"I": kind}) for name, kind, desc in _INFO)
PLACE = {found.name: i for i, found in enumerate(STAT)}
PROXY_FIELDS = PLACE["proto"] + 1  # the rest belongs to modules, behind "-" in the CSV

ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURES = {
    "G": "Gauge", "L": "Limit", "m": "Min", "M": "Max", "R": "Rate", "C": "Counter", "D": "Duration", "A": "Age",
    "T": "Time", "N": "Name", "O": "Output", "a": "Avg",
}  # fmt: skip
SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System", "G": "System"}
ROW_TYPES = {"F": "Frontend", "B": "Backend", "L": "Listener", "S": "Server"}
