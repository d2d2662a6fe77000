"""Check an installation and a host before a long run: one line a check, with the fix.

    python -m pipelines.doctor
    python -m pipelines.doctor --data in.beton --out runs/in --images-per-second 20000 --json

Each line is ok, warning (a run works, but slower or less safely) or error (a run would fail). Exit code: 0 without
errors, 1 with one or more, 2 for unusable flags. Packages are tried in processes of their own, about ten core-seconds;
standard error tells what is being tried.
The rate of the disk is read past the cache (256 MiB at the most); where a file system does not drop its pages, such as
a tmpfs, it is the rate of the memory.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from layermix import InputError
from pipelines.doctor.finding import Finding
from pipelines.doctor.host import host_findings
from pipelines.doctor.software import software_findings
from pipelines.doctor.storage import data_findings, out_findings
from pipelines.telling import tell

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Check an installation and a host before a long run."""

    data: tuple[Path, ...] = ()
    """Data sets that the run reads: also check that they are whole, the disk's rate, and whether memory holds them."""
    out: Path = Path("runs")
    """Folder of the results: also check its room and clock."""
    images_per_second: float = 2500.0
    """Pictures a second that all GPUs of this host eat; 2,500 is one A100 with ResNet-50."""
    json: bool = False
    """Print JSON, one object a finding, in place of the table."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 where an error was found."""
    arguments = tyro.cli(Doctor, prog="python -m pipelines.doctor", args=argv, config=(tyro.conf.FlagCreatePairsOff,))
    if not arguments.images_per_second > 0:
        raise InputError(f"--images-per-second must be > 0, got {arguments.images_per_second:g}; 2500 is one A100")
    findings = examine(arguments)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        _show(findings)
    return int(any(finding.status == "error" for finding in findings))


def examine(arguments: Doctor) -> list[Finding]:
    """Every finding, packages first."""
    findings = [*software_findings(), *host_findings()]
    for data in arguments.data:
        tell(f"checking {data}, and the rate of its disk")
        findings += data_findings(data, arguments.images_per_second)
    return [*findings, *out_findings(arguments.out)]


def _show(findings: list[Finding]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("check", "status", "found", "fix"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        status = Text(finding.status, _STYLES[finding.status])
        table.add_row(finding.name, status, Text(finding.found), Text(finding.fix))
    Console().print(table)
