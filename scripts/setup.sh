#!/usr/bin/env bash
# Installs what the project needs and is missing: Debian packages, uv, the locked Python environment in .venv.
# With the argument "bench" the environment is .venv-bench, which holds the libraries that benchmarks compare with too.
# Quick when everything is there. Used by every target of the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.venv groups=()
if [ "${1:-}" = bench ]; then environment=.venv-bench groups=(--group bench); fi

say() { printf 'setup: %s\n' "$*"; }
give_up() { say "$*" >&2; exit 1; }

missing_system_packages() {
    command -v g++ >/dev/null || echo g++
    command -v pkg-config >/dev/null || echo pkg-config
    pkg-config --exists opencv4 2>/dev/null || echo libopencv-dev
    pkg-config --exists libturbojpeg 2>/dev/null || echo libturbojpeg0-dev
}

install_system_packages() {
    local packages as_root=()
    mapfile -t packages < <(missing_system_packages)
    [ ${#packages[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
    if ! command -v apt-get >/dev/null || { [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
        give_up "missing: ${packages[*]}; run 'sudo apt-get install ${packages[*]}' or 'conda install -c conda-forge opencv libjpeg-turbo pkg-config compilers', then try again"
    fi
    say "apt-get install ${packages[*]}"
    { "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    } || give_up "apt-get could not install ${packages[*]}, its reason is above; see that the mirrors in /etc/apt are reached, then try again"
}

find_uv() {
    if command -v uv >/dev/null; then command -v uv; return; fi
    if [ ! -x .tools/bin/uv ]; then
        say "installing uv into .tools" >&2
        python3 -m venv .tools || give_up "python3 -m venv failed; run 'sudo apt-get install python3-venv', then try again"
        .tools/bin/python -m pip install --quiet --disable-pip-version-check uv >&2 ||
            give_up "pip could not install uv, its reason is above; set PIP_INDEX_URL to an index that is reached, or install uv yourself, then try again"
    fi
    echo "$PWD/.tools/bin/uv"
}

install_system_packages
uv=$(find_uv)
# The stamp says that the environment is in step with the lock; without it a no-op sync would still cost a second.
stamp=$environment/.synced
if [ ! -e "$stamp" ] || [ uv.lock -nt "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
    say "uv sync --frozen (first time: several GB for torch and DALI)"
    UV_PROJECT_ENVIRONMENT=$environment "$uv" sync --frozen --quiet "${groups[@]}" ||
        give_up "uv could not make $environment, its reason is above; what it fetched is kept: see to the disk (9 GB) or the network, then try again"
    touch "$stamp"
fi
say "ready"
