#!/usr/bin/env bash
# Train on all GPUs of this machine, or as one of several machines; a rank that dies restarts all from the last checkpoint.
#
#   launch/torchrun.sh [torchrun's options] -- [options of python -m train]
#
#   one machine:   launch/torchrun.sh -- --config NAME --data.train ... --out runs/NAME
#   two machines:  the same on both, with the address of one of them:
#                  launch/torchrun.sh --nnodes 2 --rdzv-endpoint HOST:29400 --rdzv-id NAME -- --config ...
#
# --nproc-per-node (one a GPU, or 1), --max-restarts (3) and a rendezvous on this machine are the defaults. The run folder
# and the datasets must be reachable by the same paths everywhere.
set -euo pipefail

# Restarted ranks otherwise meet in the store that the dead ones used: only 2 of 6 restarts came up.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
# SIGUSR1 is handed on to the ranks as SIGTERM is: they save and end, and torchrun with them, within 30 s.
export TORCHELASTIC_SIGNALS_TO_HANDLE=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1

options=()
while [[ $# -gt 0 && $1 != -- ]]; do
    options+=("$1")
    shift
done
[[ ${1:-} == -- ]] || { sed -n '4,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
shift

gpus=$( (nvidia-smi --list-gpus || true) 2>/dev/null | wc -l)
rendezvous=(--standalone)
[[ " ${options[*]-} " == *" --rdzv-endpoint"* || " ${options[*]-} " == *" --master-addr"* ]] && rendezvous=(--rdzv-backend c10d)
exec "${PYTHON:-python}" -m torch.distributed.run --nproc-per-node "$((gpus > 0 ? gpus : 1))" --max-restarts 3 \
    "${rendezvous[@]}" "${options[@]}" -m train "$@"
