"""Evaluation of trained classifiers: `python -m eval --help`.

`eval.metrics` holds the metrics, NumPy in and numbers out; `eval.suites` the benchmarks, one a file; `eval.runner`
shows pictures to models and `eval.store` keeps what they said; `eval.bootstrap` gives the numbers intervals;
`eval.tables` and `eval.figures` arrange them, `eval.report` and `eval.results` write them down.
"""
