"""Two machines, played by network namespaces with a cable between them: one is cut off, comes back, and the run ends as
if nothing had happened."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_comparison import assert_same_run
from tiny_run import write_tiny_run

ROOT = Path(__file__).parents[2]
HOSTS = ("layermix-a", "layermix-b")
SECONDS = 600

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts():
    """The two namespaces, 10.77.0.1 and 10.77.0.2, joined by a veth pair; skipped where they are not permitted."""
    try:
        for host in HOSTS:
            ip("netns", "add", host)
        ip("link", "add", "veth-a", "netns", HOSTS[0], "type", "veth", "peer", "name", "veth-b", "netns", HOSTS[1])
        for number, host in enumerate(HOSTS, start=1):
            ip("-n", host, "address", "add", f"10.77.0.{number}/24", "dev", f"veth-{host[-1]}")
            ip("-n", host, "link", "set", "lo", "up")
            ip("-n", host, "link", "set", f"veth-{host[-1]}", "up")
    except (OSError, subprocess.CalledProcessError) as error:
        remove_hosts()
        pytest.skip(f"network namespaces are not permitted here: {getattr(error, 'stderr', error)}")
    yield HOSTS
    remove_hosts()


def remove_hosts() -> None:
    for host in HOSTS:
        subprocess.run(["ip", "netns", "delete", host], capture_output=True)


def launch(host: str, flags: list[str], output: Path) -> subprocess.Popen:
    """launch/torchrun.sh on one of the hosts, with one rank; both meet at the first host's address.

    torchrun finds by its host name whether it keeps the rendezvous, and where the others reach it; namespaces share one
    name, so both are told.
    """
    number = HOSTS.index(host) + 1
    options = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-endpoint", "10.77.0.1:29400", "--rdzv-id", "tiny"]
    options += ["--rdzv-conf", f"is_host={2 - number}", "--local-addr", f"10.77.0.{number}"]
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "GLOO_SOCKET_IFNAME": f"veth-{host[-1]}",
        "OMP_NUM_THREADS": "1",
    }
    command = ["ip", "netns", "exec", host, str(ROOT / "launch" / "torchrun.sh"), *options, "--", *flags]
    with output.open("ab") as file:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)


def wait_until(condition, what: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited {SECONDS} s until {what}"
        time.sleep(0.1)


def test_a_host_that_is_cut_off_is_named_and_its_return_continues_the_run(tmp_path, hosts, count):
    flags = [*write_tiny_run(tmp_path), "--checkpoint-minutes", "1e-9", "--epochs", "40"]
    outputs = {host: tmp_path / f"{host}.output" for host in hosts}

    def run(name: str) -> list[subprocess.Popen]:
        return [launch(host, [*flags, "--out", str(tmp_path / name)], outputs[host]) for host in hosts]

    assert [job.wait(SECONDS) for job in run("whole")] == [0, 0], [path.read_text() for path in outputs.values()]

    first, second = run("cut")
    wait_until(lambda: any((tmp_path / "cut" / "checkpoints").glob("epoch-0003-*.pt")), "the third epoch")
    ip("-n", hosts[1], "link", "set", "veth-b", "down")
    wait_until(lambda: "no sign of life from rank" in outputs[hosts[0]].read_text(), "the loss is named")
    assert first.poll() is None, "the launcher of the host that is left waits for the other"
    second.kill()  # a launcher without a network takes minutes to end in good order
    second.wait(SECONDS)
    ip("-n", hosts[1], "link", "set", "veth-b", "up")
    second = launch(hosts[1], [*flags, "--out", str(tmp_path / "cut")], outputs[hosts[1]])
    assert [job.wait(SECONDS) for job in (first, second)] == [0, 0], [path.read_text() for path in outputs.values()]
    assert_same_run(tmp_path / "cut", tmp_path / "whole")
    count("two hosts", "one cut off, named, brought back: the same run")
