#!/bin/sh
# Makes .venv-bench: aetia and the peers it is compared with, in one environment, for the processor only.
#   benchmarks/patching/setup.sh            Python 3.11 or newer as python3
#   PYTHON=python3.12 benchmarks/patching/setup.sh
set -eu

cd "$(dirname "$0")/../.."
environment=.venv-bench
python="$environment/bin/python"

test -x "$python" || "${PYTHON:-python3}" -m venv "$environment"
echo '*' > "$environment/.gitignore"

# torch goes first and alone: whatever a peer asks for later, the pinned wheel is already there.
"$python" -m pip install --quiet -c constraints.txt torch==2.13.0
"$python" -m pip install --quiet -c constraints.txt -c benchmarks/patching/peers.txt -e '.[models]' \
  transformer-lens nnsight pyvene
