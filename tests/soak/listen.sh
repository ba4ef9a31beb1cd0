#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/integration/test_listen.sh for more than ten minutes: does the ear stay in
# the tables of libtorrent, transmission, aria2 and bittorrent-dht? $1: build folder.
set -u
here=$(cd "$(dirname "$0")" && pwd)
STAY_S=${STAY_S:-620} DT_PROG=$(realpath "${1:-build/release}")/dht-telescope \
	exec "$here/../integration/test_listen.sh"
