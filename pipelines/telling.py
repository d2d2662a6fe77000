"""What a long program is at, a line to standard error: standard output is for results alone."""

import sys
import time


def tell(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
