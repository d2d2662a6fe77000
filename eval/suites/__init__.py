"""Benchmarks, one a file, over the protocol of `eval.suites.protocol`."""

from eval.suites.planning import SuiteOptions
from eval.suites.protocol import Cell, Group, Key, Measurement, Shift, Suite

__all__ = ["Cell", "Group", "Key", "Measurement", "Shift", "Suite", "SuiteOptions"]
