"""What the scripts in launch/ start, and where signals go; scripts play torchrun, srun and scontrol."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ECHO = '#!/bin/bash\necho "$@"\nenv | grep TORCH\n'
SRUN = """#!/bin/bash
echo "srun $@" >> "$LOG"
trap 'echo "srun got USR1" >> "$LOG"; exit 1' USR1
echo ready > "$READY"
sleep 60 & wait
"""
SCONTROL = """#!/bin/bash
[[ $1 == show ]] && printf 'node7\\nnode8\\n' || echo "scontrol $@" >> "$LOG"
"""


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def torchrun(tmp_path, *arguments):
    environment = {**os.environ, "PYTHON": str(script(tmp_path / "python", ECHO))}
    command = [ROOT / "launch" / "torchrun.sh", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_one_machine_needs_no_options_and_restarts_are_made_reliable(tmp_path):
    lines = torchrun(tmp_path, "--nproc-per-node", "2", "--", "--config", "a b.yaml").stdout.splitlines()
    assert lines[0].startswith("-m torch.distributed.run --nproc-per-node ")
    assert lines[0].endswith("--max-restarts 3 --standalone --nproc-per-node 2 -m train --config a b.yaml")
    assert "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in lines
    assert any(line.startswith("TORCHELASTIC_SIGNALS_TO_HANDLE=") and "SIGUSR1" in line for line in lines)


def test_a_given_rendezvous_takes_the_place_of_the_one_on_this_machine(tmp_path):
    output = torchrun(tmp_path, "--nnodes", "2", "--rdzv-endpoint", "h:1", "--", "--help").stdout
    assert "--rdzv-backend c10d --nnodes 2 --rdzv-endpoint h:1 -m train --help" in output
    assert "--standalone" not in output


def test_a_command_line_without_the_separator_is_answered_with_the_usage(tmp_path):
    answer = torchrun(tmp_path, "--config", "a.yaml")
    assert answer.returncode == 2
    assert "launch/torchrun.sh [torchrun's options] -- [options of python -m train]" in answer.stderr


@pytest.mark.parametrize(("stop", "requeued"), [(signal.SIGUSR1, True), (None, False)])
def test_slurms_warning_reaches_the_ranks_and_the_job_is_queued_again(tmp_path, stop, requeued):
    log, ready = tmp_path / "log", tmp_path / "ready"
    os.mkfifo(ready)
    script(tmp_path / "srun", SRUN if stop else '#!/bin/bash\necho "srun $@" >> "$LOG"\necho > "$READY"\nexit 1\n')
    script(tmp_path / "scontrol", SCONTROL)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "READY": str(ready),
        "SLURM_JOB_ID": "42",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "node[7-8]",
    }
    job = subprocess.Popen(["bash", ROOT / "launch" / "slurm.sbatch", "--config", "x.yaml"], env=environment)
    ready.read_text()
    if stop:
        job.send_signal(stop)
    assert job.wait(timeout=60) == 1
    lines = log.read_text().splitlines()
    assert "--nnodes 2 --rdzv-id 42 --rdzv-endpoint node7:29400 -- --config x.yaml" in lines[0]
    assert ("srun got USR1" in lines) == bool(stop)
    assert ("scontrol requeue 42" in lines) == requeued
