"""`python -m train --config NAME [flags]`: see `train.command`."""

import sys

from layermix.errors import run_program
from train.command import main

if __name__ == "__main__":
    sys.exit(run_program(main))
