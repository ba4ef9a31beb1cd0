#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The store at length: 200 SIGKILLs each over sealing with edges, merging and migrating (and the
# 200 of crash_store over writing and compacting), 1,000 random merges. $1: build folder.
set -eu
B=${1:-build/release}
make -s "$B/tests/crash/crash_upkeep" "$B/tests/crash/crash_store" "$B/tests/unit/store/test_gather"
"$B/tests/crash/crash_store"
DT_KILLS=${KILLS:-200} "$B/tests/crash/crash_upkeep"
DT_SHUFFLES=${SHUFFLES:-1000} "$B/tests/unit/store/test_gather"
