"""Run the command line with ``python -m poise.cli``."""

import sys

from poise.cli import main

sys.exit(main())
