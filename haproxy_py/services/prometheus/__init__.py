"""The Prometheus exporter: `http-request use-service prometheus-exporter`."""
