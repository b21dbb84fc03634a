"""`python -m haproxy_py`: as the command pyhaproxy."""

import sys

from haproxy_py.cli import main

sys.exit(main())
