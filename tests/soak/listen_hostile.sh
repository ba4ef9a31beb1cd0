#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/integration/test_listen_hostile.sh for ten minutes. $1: build folder.
set -u
here=$(cd "$(dirname "$0")" && pwd)
HOSTILE_S=${HOSTILE_S:-600} HOSTILE_PPS=${HOSTILE_PPS:-2000} HOSTILE_LOG='' \
	DT_PROG=$(realpath "${1:-build/release}")/dht-telescope \
	exec "$here/../integration/test_listen_hostile.sh"
