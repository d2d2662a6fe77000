"""Corrupted sets on disk, in the layouts of the released ones; `writers.make_corrupted` is the command."""
