"""``python -m specgeo``."""

import sys

from specgeo.cli import main

sys.exit(main())
