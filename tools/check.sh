#!/bin/sh
# Style, types and import contracts. BIN is the folder of the environment's programs.
set -eu
echo "Style ..."
"$BIN/ruff" check --quiet .
"$BIN/ruff" format --quiet --check .
echo "Types ..."
"$BIN/mypy"
echo "Import contracts ..."
"$BIN/lint-imports" --no-cache
