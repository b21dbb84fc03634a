"""The metrics of HAProxy's exporter: names, types, and which field of the statistics each one shows.

Their order is HAProxy's; so are the words, which come from the fields where nothing else is said. Source: the exporter of
2.8 as seen, and the names that later versions added.
"""

from __future__ import annotations

from dataclasses import dataclass

from haproxy_py.observe.statistics.fields import PLACE


@dataclass(frozen=True, slots=True)
class Metric:
    """name: behind `haproxy_<scope>_`. field: of the statistics. kinds: letters of the rows that have it.

    unit: "ms" for milliseconds that are shown as seconds. help: "" the field's.
    """

    name: str
    field: str
    type: str
    kinds: str
    unit: str = ""
    help: str = ""


SCOPES = {"F": "frontend", "L": "listener", "B": "backend", "S": "server"}
_ROWS = (
    Metric("current_sessions", "scur", "gauge", "FLBS"),
    Metric("max_sessions", "smax", "gauge", "FLBS"),
    Metric("limit_sessions", "slim", "gauge", "FLBS"),
    Metric("sessions_total", "stot", "counter", "FLBS"),
    Metric("bytes_in_total", "bin", "counter", "FLBS"),
    Metric("bytes_out_total", "bout", "counter", "FLBS"),
    Metric("requests_denied_total", "dreq", "counter", "FLB"),
    Metric("responses_denied_total", "dresp", "counter", "FLBS"),
    Metric("request_errors_total", "ereq", "counter", "FL"),
    Metric("status", "status", "gauge", "FLBS", "", "Current status of the service, per state label value."),
    Metric("limit_session_rate", "rate_lim", "gauge", "F"),
    Metric("current_session_rate", "rate", "gauge", "FBS"),
    Metric("max_session_rate", "rate_max", "gauge", "FBS"),
    Metric(
        "http_responses_total", "hrsp_1xx", "counter", "FBS", "",
        "Total number of HTTP responses with status 100-199 returned by this object since the worker process started",
    ),
    Metric("http_requests_rate_max", "req_rate_max", "gauge", "F"),
    Metric("http_requests_total", "req_tot", "counter", "FBS"),
    Metric("http_comp_bytes_in_total", "comp_in", "counter", "FB"),
    Metric("http_comp_bytes_out_total", "comp_out", "counter", "FB"),
    Metric("http_comp_bytes_bypassed_total", "comp_byp", "counter", "FB"),
    Metric("http_comp_responses_total", "comp_rsp", "counter", "FB"),
    Metric("connections_rate_max", "conn_rate_max", "gauge", "F"),
    Metric("connections_total", "conn_tot", "counter", "F"),
    Metric("intercepted_requests_total", "intercepted", "counter", "F"),
    Metric("denied_connections_total", "dcon", "counter", "FL"),
    Metric("denied_sessions_total", "dses", "counter", "FL"),
    Metric("failed_header_rewriting_total", "wrew", "counter", "FLBS"),
    Metric("http_cache_lookups_total", "cache_lookups", "counter", "FB"),
    Metric("http_cache_hits_total", "cache_hits", "counter", "FB"),
    Metric("internal_errors_total", "eint", "counter", "FLBS"),
    Metric("current_queue", "qcur", "gauge", "BS"),
    Metric("max_queue", "qmax", "gauge", "BS"),
    Metric("connection_errors_total", "econ", "counter", "BS"),
    Metric("response_errors_total", "eresp", "counter", "BS"),
    Metric("retry_warnings_total", "wretr", "counter", "BS"),
    Metric("redispatch_warnings_total", "wredis", "counter", "BS"),
    Metric("weight", "weight", "gauge", "BS"),
    Metric("active_servers", "act", "gauge", "B"),
    Metric("backup_servers", "bck", "gauge", "B"),
    Metric("active", "act", "gauge", "S"),
    Metric("backup", "bck", "gauge", "S"),
    Metric("check_up_down_total", "chkdown", "counter", "BS"),
    Metric("check_last_change_seconds", "lastchg", "gauge", "BS"),
    Metric("downtime_seconds_total", "downtime", "counter", "BS"),
    Metric("loadbalanced_total", "lbtot", "counter", "BS"),
    Metric("client_aborts_total", "cli_abrt", "counter", "BS"),
    Metric("server_aborts_total", "srv_abrt", "counter", "BS"),
    Metric("last_session_seconds", "lastsess", "gauge", "BS"),
    Metric("queue_time_average_seconds", "qtime", "gauge", "BS", "ms", "Avg. queue time for last 1024 successful connections."),
    Metric(
        "connect_time_average_seconds", "ctime", "gauge", "BS", "ms",
        "Avg. connect time for last 1024 successful connections.",
    ),
    Metric(
        "response_time_average_seconds", "rtime", "gauge", "BS", "ms",
        "Avg. response time for last 1024 successful connections.",
    ),
    Metric("total_time_average_seconds", "ttime", "gauge", "BS", "ms", "Avg. total time for last 1024 successful connections."),
    Metric("connection_attempts_total", "connect", "counter", "BS"),
    Metric("connection_reuses_total", "reuse", "counter", "BS"),
    Metric("max_queue_time_seconds", "qtime_max", "gauge", "BS", "ms", "Maximum observed time spent in the queue"),
    Metric(
        "max_connect_time_seconds", "ctime_max", "gauge", "BS", "ms",
        "Maximum observed time spent waiting for a connection to complete",
    ),
    Metric(
        "max_response_time_seconds", "rtime_max", "gauge", "BS", "ms",
        "Maximum observed time spent waiting for a server response",
    ),
    Metric(
        "max_total_time_seconds", "ttime_max", "gauge", "BS", "ms",
        "Maximum observed total request+response time (request+queue+connect+response+processing)",
    ),
    Metric("uweight", "uweight", "gauge", "BS"),
    Metric("agg_server_status", "agg_server_status", "gauge", "B"),
    Metric("agg_server_check_status", "agg_server_check_status", "gauge", "B"),
    Metric("agg_check_status", "agg_check_status", "gauge", "B"),
    Metric("check_failures_total", "chkfail", "counter", "S"),
    Metric("queue_limit", "qlimit", "gauge", "S"),
    Metric("current_throttle", "throttle", "gauge", "S"),
    Metric("check_status", "check_status", "gauge", "S", "", "Status of last health check, per state label value."),
    Metric("check_code", "check_code", "gauge", "S", "", "layer5-7 code, if available of the last health check."),
    Metric(
        "check_duration_seconds", "check_duration", "gauge", "S", "ms",
        "Total duration of the latest server health check, in seconds.",
    ),
    Metric("idle_connections_current", "srv_icur", "gauge", "S"),
    Metric("idle_connections_limit", "src_ilim", "gauge", "S"),
    Metric("unsafe_idle_connections_current", "idle_conn_cur", "gauge", "S"),
    Metric("safe_idle_connections_current", "safe_conn_cur", "gauge", "S"),
    Metric("used_connections_current", "used_conn_cur", "gauge", "S"),
    Metric("need_connections_current", "need_conn_est", "gauge", "S"),
)  # fmt: skip
ROWS = sorted(_ROWS, key=lambda metric: PLACE[metric.field])  # in the order of the fields
# name, field of `show info`, type
PROCESS = (
    ("nbthread", "Nbthread", "gauge"),
    ("nbproc", "Nbproc", "gauge"),
    ("relative_process_id", "Process_num", "gauge"),
    ("uptime_seconds", "Uptime_sec", "gauge"),
    ("pool_failures_total", "PoolFailed", "counter"),
    ("max_fds", "Ulimit-n", "gauge"),
    ("max_sockets", "Maxsock", "gauge"),
    ("max_connections", "Maxconn", "gauge"),
    ("hard_max_connections", "Hard_maxconn", "gauge"),
    ("current_connections", "CurrConns", "gauge"),
    ("connections_total", "CumConns", "counter"),
    ("requests_total", "CumReq", "counter"),
    ("max_ssl_connections", "MaxSslConns", "gauge"),
    ("current_ssl_connections", "CurrSslConns", "gauge"),
    ("ssl_connections_total", "CumSslConns", "counter"),
    ("max_pipes", "Maxpipes", "gauge"),
    ("pipes_used_total", "PipesUsed", "counter"),
    ("pipes_free_total", "PipesFree", "counter"),
    ("current_connection_rate", "ConnRate", "gauge"),
    ("limit_connection_rate", "ConnRateLimit", "gauge"),
    ("max_connection_rate", "MaxConnRate", "gauge"),
    ("current_session_rate", "SessRate", "gauge"),
    ("limit_session_rate", "SessRateLimit", "gauge"),
    ("max_session_rate", "MaxSessRate", "gauge"),
    ("current_ssl_rate", "SslRate", "gauge"),
    ("limit_ssl_rate", "SslRateLimit", "gauge"),
    ("max_ssl_rate", "MaxSslRate", "gauge"),
    ("current_frontend_ssl_key_rate", "SslFrontendKeyRate", "gauge"),
    ("max_frontend_ssl_key_rate", "SslFrontendMaxKeyRate", "gauge"),
    ("frontend_ssl_reuse", "SslFrontendSessionReuse_pct", "gauge"),
    ("current_backend_ssl_key_rate", "SslBackendKeyRate", "gauge"),
    ("max_backend_ssl_key_rate", "SslBackendMaxKeyRate", "gauge"),
    ("ssl_cache_lookups_total", "SslCacheLookups", "counter"),
    ("ssl_cache_misses_total", "SslCacheMisses", "counter"),
    ("http_comp_bytes_in_total", "CompressBpsIn", "counter"),
    ("http_comp_bytes_out_total", "CompressBpsOut", "counter"),
    ("limit_http_comp", "CompressBpsRateLim", "gauge"),
    ("current_zlib_memory", "ZlibMemUsage", "gauge"),
    ("max_zlib_memory", "MaxZlibMemUsage", "gauge"),
    ("current_tasks", "Tasks", "gauge"),
    ("current_run_queue", "Run_queue", "gauge"),
    ("idle_time_percent", "Idle_pct", "gauge"),
    ("stopping", "Stopping", "gauge"),
    ("jobs", "Jobs", "gauge"),
    ("unstoppable_jobs", "Unstoppable Jobs", "gauge"),
    ("listeners", "Listeners", "gauge"),
    ("active_peers", "ActivePeers", "gauge"),
    ("connected_peers", "ConnectedPeers", "gauge"),
    ("dropped_logs_total", "DroppedLogs", "counter"),
    ("busy_polling_enabled", "BusyPolling", "gauge"),
    ("failed_resolutions", "FailedResolutions", "counter"),
    ("bytes_out_total", "TotalBytesOut", "counter"),
    ("spliced_bytes_out_total", "TotalSplicedBytesOut", "counter"),
    ("bytes_out_rate", "BytesOutRate", "gauge"),
    ("recv_logs_total", "CumRecvLogs", "counter"),
    ("build_info", "Build info", "gauge"),
    ("max_memory_bytes", "Memmax_bytes", "gauge"),
    ("pool_allocated_bytes", "PoolAlloc_bytes", "gauge"),
    ("pool_used_bytes", "PoolUsed_bytes", "gauge"),
    ("start_time_seconds", "Start_time_sec", "gauge"),
    ("total_warnings", "TotalWarnings", "counter"),
    ("patterns_added_total", "PatternsAdded", "counter"),
    ("patterns_freed_total", "PatternsFreed", "counter"),
    ("node", "node", "gauge"),
)  # fmt: skip
# name, field of `show resolvers`, words
RESOLVERS = (
    ("sent", "sent", "Total number of questions sent."),
    ("send_error", "snd_error", "Total number of questions that could not be sent."),
    ("valid", "valid", "Total number of valid answers."),
    ("update", "update", "Total number of answers that changed a server."),
    ("cname", "cname", "Total number of answers with a CNAME alone."),
    ("cname_error", "cname_error", "Total number of answers with a broken chain of CNAMEs."),
    ("any_err", "any_err", "Total number of empty answers."),
    ("nx", "nx", "Total number of answers that the name does not exist."),
    ("timeout", "timeout", "Total number of questions that were not answered in time."),
    ("refused", "refused", "Total number of refusals."),
    ("other", "other", "Total number of answers with any other error."),
    ("invalid", "invalid", "Total number of answers that could not be read."),
    ("too_big", "too_big", "Total number of answers that were too large."),
    ("truncated", "truncated", "Total number of truncated answers."),
    ("outdated", "outdated", "Total number of answers that came too late or to no question."),
)
