"""`python -m deployments`: the command line, where the package is not installed."""

import sys

from deployments.cli import main

sys.exit(main())
