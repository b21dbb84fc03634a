"""What `show stat`, `show info`, the statistics page and the Prometheus exporter tell: one table of fields, one set of rows."""
