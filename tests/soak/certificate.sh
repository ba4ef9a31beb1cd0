#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The certificate over forty seeds of the clean world: 300,000 live nodes each, in
# virtual time. Both intervals must hold the truth in 35 of them, Chao1's error must
# stay below 0.1 %. About a minute. LIVE=N takes another size.
set -eu
B=${1:-build/release}
make -s "$B/tests/unit/bench/test_census_sim"
DT_SEEDS=${SEEDS:-40} DT_LIVE=${LIVE:-300000} "$B/tests/unit/bench/test_census_sim" | tee /dev/stderr |
	grep -q '^# of .* seeds Chao1 holds'
