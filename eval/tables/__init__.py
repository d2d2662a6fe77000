"""Numbers arranged for reading: tables as data, and the forms that they are written in."""

from eval.tables.comparisons import difference_tables, protocol_table
from eval.tables.export import write_tables
from eval.tables.main import headline_numbers, headline_table, main_tables, severity_table
from eval.tables.numbers import Measured, Number, by_key, number_table
from eval.tables.paper import check_paper_tables, paper_tables
from eval.tables.paper_data import PAPER_TABLES, PaperTableName
from eval.tables.table import MODEL, Column, Entry, Row, Table, interval_text, percent

__all__ = [
    "MODEL",
    "PAPER_TABLES",
    "Column",
    "Entry",
    "Measured",
    "Number",
    "PaperTableName",
    "Row",
    "Table",
    "by_key",
    "check_paper_tables",
    "difference_tables",
    "headline_numbers",
    "headline_table",
    "interval_text",
    "main_tables",
    "number_table",
    "paper_tables",
    "percent",
    "protocol_table",
    "severity_table",
    "write_tables",
]
