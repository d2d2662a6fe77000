"""`python -m eval.report STORE...`: see `eval.report.command`."""

import sys

from eval.report.command import main
from layermix.errors import run_program

if __name__ == "__main__":
    sys.exit(run_program(main))
