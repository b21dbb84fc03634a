"""Measures pyhaproxy beside the packaged haproxy and nginx: `python -m bench.run --help`."""
