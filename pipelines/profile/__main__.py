"""`python -m pipelines.profile --data SET [flags]`: see `pipelines.profile.command`."""

import sys

from layermix.errors import run_program
from pipelines.profile.command import main

if __name__ == "__main__":
    sys.exit(run_program(main))
