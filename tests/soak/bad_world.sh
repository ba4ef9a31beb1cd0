#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 5,000 random worlds, and the classes of the bad one at 100,000 nodes, in virtual time.
set -eu
DT_LIVE=100000 DT_WORLDS=5000 "$1/tests/unit/bench/test_sim_bad"
