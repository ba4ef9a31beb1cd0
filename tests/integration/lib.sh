# SPDX-License-Identifier: MIT
# Shared by the shell tests: a scratch folder, a counter, expectations.
#
# expect STATUS PATTERN -- COMMAND...   runs it; exit status and a pattern in
# its output (stdout and stderr) must both fit.
set -u
PROG=${DT_PROG:-$PWD/build/release/dht-telescope}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/dt-test.XXXXXX")
case_no=0 bad=0
trap 'rm -rf "$TMP"' EXIT

result() { # OK NAME
	case_no=$((case_no + 1))
	if [ "$1" = 0 ]; then
		echo "ok $case_no - $2"
	else
		echo "not ok $case_no - $2"
		bad=1
	fi
}

expect() {
	local want=$1 pattern=$2 out rc
	shift 3
	out=$("$@" 2>&1 </dev/null)
	rc=$?
	if [ "$rc" = "$want" ] && grep -qE -- "$pattern" <<<"$out"; then
		result 0 "$*"
	else
		echo "  exit $rc (want $want), pattern '$pattern', output:"
		sed 's/^/    /' <<<"$out" | head -n 20
		result 1 "$*"
	fi
}

finish() { exit $bad; }
