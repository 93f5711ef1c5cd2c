#!/usr/bin/env bash
# Run the core for arm64, and for an x86-64-v2 machine of 2008, on what XGBoost gives on this one: the same bits.
#
# Needs the cross compiler and the emulator: apt-get install g++-aarch64-linux-gnu qemu-user.
# PYTHON names the interpreter of a development environment (default: the project's .venv).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" native/replay/write.py "$work/models"
sources=(native/replay/replay.cpp native/src/{forest,nodes,levels,ways,descend_*,categories,contributions,transform}.cpp)
flags=(-std=c++20 -O3 -ffp-contract=off -static)  # as in native/setup.py

echo "arm64:"
aarch64-linux-gnu-g++ "${flags[@]}" "${sources[@]}" -o "$work/arm64"
qemu-aarch64 "$work/arm64" "$work/models"
if [ "$(uname -m)" = x86_64 ]; then
  echo "x86-64-v2, without AVX:"
  g++ "${flags[@]}" -march=x86-64-v2 "${sources[@]}" -o "$work/x86-64"
  qemu-x86_64 -cpu Nehalem "$work/x86-64" "$work/models"
fi
