#!/usr/bin/env bash
# The main job, small: pictures -> dataset -> two trained models -> one report. Every step is a command of the README.
#   scripts/demo.sh [FOLDER]     default runs/demo; an earlier demo there is replaced
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/demo}
python=.venv/bin/python

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "python ${*}"; "$python" "$@"; }

rm -rf "$out"/{train,test,fractals}.beton* "$out"/{baseline,layermix} "$out"/{report.html,results.json,store}
mkdir -p "$out"

step "1/4 Write the datasets: 1,797 handwritten digits, and 1,000 fractals"
run -m writers.write_dataset --source digits --split train --format beton --out "$out/train.beton"
run -m writers.write_dataset --source digits --split test --format beton --out "$out/test.beton"
run -m writers.write_dataset --source fractals --generate 1000 --short-side 36 --format beton --out "$out/fractals.beton"

data=(--data.train "$out/train.beton" --data.test "$out/test.beton")
step "2/4 Train the baseline"
run -m train --config demo_baseline "${data[@]}" --out "$out/baseline"
step "3/4 Train LayerMix, same network and budget"
run -m train --config demo_layermix "${data[@]}" --data.fractals "$out/fractals.beton" --out "$out/layermix"

step "4/4 Evaluate both"
run -m eval --checkpoint "$out/baseline" "$out/layermix" --suite clean c calibration pgd --regenerate \
    --data "$out/test.beton" --fractals "$out/fractals.beton" --out "$out"
