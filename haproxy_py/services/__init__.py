"""What answers requests inside the proxy: the statistics page, the Prometheus exporter."""
