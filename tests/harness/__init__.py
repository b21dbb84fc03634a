"""Instruments: products under test, raw peers, a syslog receiver, differential cases. Nothing here knows pyhaproxy's inside."""
