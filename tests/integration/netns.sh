# SPDX-License-Identifier: MIT
# Shared by the shell tests that need hosts of their own, with no way out: the test runs itself
# again as process 1 of new namespaces, which take all it started with them when it ends.
#
#	. "$here/netns.sh"
#	if [ "${1:-}" != inside ]; then
#		need ip python3             SKIP (77) where a program is missing, or $DT_PROG
#		netns_run VARIABLE...       runs "$0 inside FOLDER" with these; never returns
#	fi
#	netns_begin "$2"                    $work = FOLDER; lo is up, every IPv4 address is its own
#	netns_host SECONDS                  a second host, for at most so long:
#
#	  this one, inet 203.0.113.1 ===veth=== world 203.0.113.2, $host; in_host COMMAND
#
# KEEP=1 leaves the folder and says where it is.

skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "not ok 99 - $*"; exit 1; }
until_true() { for _ in $(seq 200); do "$@" && return; sleep 0.05; done; return 1; }

n=0 bad=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; bad=1; fi
}

need() { # PROGRAM...
	local p
	for p in unshare nsenter setpriv "$@"; do command -v "$p" >/dev/null || skip "no program $p"; done
	[ -x "$DT_PROG" ] || skip "no $DT_PROG"
}

netns_run() { # VARIABLE...
	local root=() rc
	[ "$(id -u)" = 0 ] || root=(--map-root-user)
	unshare "${root[@]}" --net --mount true 2>/dev/null || skip "may not make network namespaces (no CAP_NET_ADMIN)"
	work=$(mktemp -d)
	export DT_PROG "$@"
	# Not exec: this process outlives the namespaces and removes the folder. When unshare is
	# killed, the kernel kills its child, process 1 in there, and with that everything else
	# in there; that takes a moment.
	trap 'kill -KILL $child; sleep 1; rm -rf "$work"; exit 1' INT TERM
	setpriv --pdeathsig KILL unshare "${root[@]}" --net --pid --fork --kill-child --mount-proc \
		bash "$(realpath "$0")" inside "$work" &
	child=$!
	wait $child
	rc=$?
	if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
	exit $rc
}

netns_begin() { # FOLDER
	work=$1
	ip link set lo up
	# In table main and not local, so that the network of a veth still wins.
	ip route add local 0.0.0.0/0 dev lo table main
}

in_host() { nsenter --target "$host" --net "$@"; }
host_is_apart() { [ "$(readlink "/proc/$host/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

netns_host() { # SECONDS
	unshare --net sleep "$1" &
	host=$!
	until_true host_is_apart || fail "no second namespace"
	ip link add inet type veth peer name world netns "$host" || fail "no veth"
	ip addr add 203.0.113.1/24 dev inet
	ip link set inet up
	in_host ip link set lo up
	in_host ip addr add 203.0.113.2/24 dev world
	in_host ip link set world up
	in_host ip route add default via 203.0.113.1
}
