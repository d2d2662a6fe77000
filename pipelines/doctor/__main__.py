"""`python -m pipelines.doctor [flags]`: see `pipelines.doctor.command`."""

import sys

from layermix.errors import run_program
from pipelines.doctor.command import main

if __name__ == "__main__":
    sys.exit(run_program(main))
