#!/bin/sh
# Everything that is tested, in one run. BIN is the folder of the environment's programs.
# As root it installs a browser, and what the peers need, where there is none; otherwise it runs the rest and says so last.
set -eu

browser() {
    for name in "${SEAWALL_CHROMIUM:-}" chromium chromium-browser google-chrome; do
        if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# The other programs that tests/peers start or build with.
toolchain() {
    for name in node npm redis-server g++ make; do
        command -v "$name" >/dev/null 2>&1 || return 1
    done
}

install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then return 0; fi
    echo "Installing $* ..."
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } >/dev/null \
        || echo "They could not be installed: $*"
}

browser || install chromium fonts-liberation
toolchain || install nodejs npm redis-server g++ make

sh tools/check.sh

chosen="not peer"
if ! browser; then
    if [ -n "${CI:-}" ]; then
        echo "No browser was found, and a run under CI must test with one. Install it: apt-get install chromium"
        exit 1
    fi
    chosen="not peer and not browser"
fi

"$BIN/python" -m pytest -n 2 --dist loadfile -m "$chosen" --cov --cov-report=term:skip-covered --cov-report=xml ${PYTEST_ARGS:-}

if toolchain || [ -n "${CI:-}" ]; then
    echo "Against real software of others ..."
    "$BIN/python" -m pytest -m peer tests/peers
else
    echo
    echo "The tests against real software of others did NOT run: Node.js, npm, redis-server, g++ or make is missing."
    echo "Install them and run again: sudo apt-get install nodejs npm redis-server g++ make"
fi

if [ "$chosen" != "not peer" ]; then
    echo
    echo "The browser tests did NOT run: no Chromium was found. Install one and run again: sudo apt-get install chromium"
fi
