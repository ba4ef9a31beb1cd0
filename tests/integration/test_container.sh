#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a container of ours is given, without a container engine: the seccomp profile as a real
# filter, the capabilities that Docker leaves, no new privileges. tests/soak/container.sh runs
# the Dockerfile itself.
. "$(dirname "$0")/lib.sh"
here=$(dirname "$0")/container
python=/usr/bin/python3
profile=configs/seccomp.json
[ -e /usr/lib/x86_64-linux-gnu/libseccomp.so.2 ] || [ -n "$(ldconfig -p | grep libseccomp.so.2)" ] ||
	{ echo "SKIP: no libseccomp2"; exit 77; }

said=$($python "$here/seccomp.py" $profile --check)
result $? "the profile: $said"

# confined [--without NAMES] COMMAND: as an engine starts it
caps=-all
[ "$(id -u)" = 0 ] && caps=-all,+chown,+dac_override,+fowner,+setgid,+setuid,+net_bind_service,+net_raw,+kill
confined() {
	local drop=()
	[ "$(id -u)" = 0 ] && drop=(setpriv --bounding-set "$caps" --inh-caps=-all --no-new-privs)
	timeout 60 "${drop[@]}" $python "$here/seccomp.py" $profile "$@"
}
# A call that is not in the list comes back with EPERM; what is in it does not.
confined $python -c '
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(nr, *a):
    return 0 if libc.syscall(nr, *a) >= 0 else ctypes.get_errno()
denied = {"mount": 165, "ptrace": 101, "unshare": 272, "bpf": 321, "keyctl": 250, "perf_event_open": 298}
said = {n: call(nr, 0, 0, 0, 0, 0) for n, nr in denied.items()}
ring = call(425, 4, ctypes.byref(ctypes.create_string_buffer(120)))
print(said, "io_uring_setup:", ring)
sys.exit(set(said.values()) != {1} or ring == 1)' >"$TMP/denied" 2>&1
rc=$?
[ "$(uname -m)" = x86_64 ] || rc=0
result $rc "denied with EPERM: $(cat "$TMP/denied")"

backend_of() { sed -n 's/.*"backend": *"\([a-z_]*\)".*/\1/p' "$1" | head -n 1; }
before=$("$PROG" crawl --sim 2000 --store '' --quiet --report "$TMP/free.json" >/dev/null 2>&1; backend_of "$TMP/free.json")
confined "$PROG" crawl --sim 5000 --store "$TMP/store" --quiet --report "$TMP/a.json" >"$TMP/crawl" 2>&1
rc=$?
[ $rc = 0 ] && [ "$(backend_of "$TMP/a.json")" = "$before" ]
result $? "a census under the profile, by $(backend_of "$TMP/a.json") as outside of it: $(tail -n 1 "$TMP/crawl")"
[ "$(jq .unexplained "$TMP/a.json")" = 0 ] && jq -e '.truth.recall > 0.99' "$TMP/a.json" >/dev/null
result $? "and all is found: $(jq -c '.truth.recall' "$TMP/a.json")"
confined --without io_uring_setup,io_uring_enter,io_uring_register "$PROG" crawl --sim 2000 --store '' \
	--quiet --report "$TMP/b.json" >"$TMP/crawl" 2>&1
[ "$(backend_of "$TMP/b.json")" = mmsg ]
result $? "under an engine's own profile, which refuses io_uring: $(backend_of "$TMP/b.json")"
for command in "summary --store $TMP/store --json" "render --store $TMP/store --still $TMP/map.png" \
	"export --store $TMP/store --out $TMP/nodes.parquet"; do
	# shellcheck disable=SC2086
	confined "$PROG" $command >"$TMP/out" 2>&1
	result $? "${command%% *}: $(tail -n 1 "$TMP/out" | cut -c1-60)"
done

# As the image's CMD: a token, every address, the census beside it.
(cd "$TMP" && head -c 24 /dev/urandom | base64 >token)
confined "$PROG" serve --sim 20000 --rate 6000 --port 0 --http-bind 0.0.0.0 --token-file "$TMP/token" \
	--store "$TMP/served" >"$TMP/serve" 2>&1 &
for _ in $(seq 100); do
	port=$(sed -n 's/^serving http:\/\/[^ ]*:\([0-9]*\)\/.*/\1/p' "$TMP/serve")
	[ -n "$port" ] && break
	sleep 0.1
done
lines=$(timeout 2 curl -sN -H "Authorization: Bearer $(cat "$TMP/token")" "http://127.0.0.1:$port/peers" | wc -l)
[ "$lines" -gt 500 ]
result $? "served under the profile: $lines lines; $(grep -o 'capabilities.*' "$TMP/serve")"
for pid in $(pgrep -f -- "--store $TMP/served"); do # timeout's own command line has it, too
	[ "$(cat "/proc/$pid/comm")" = dht-telescope ] && break
done
grep -q 'Seccomp:.*2' "/proc/$pid/status" && grep -q 'NoNewPrivs:.*1' "/proc/$pid/status"
result $? "it is a filter that it ran under: $(grep -E 'Seccomp:|NoNewPrivs' "/proc/$pid/status" | tr '\n\t' '  ')"
kill -TERM "$pid"
wait %1
result $? "ended by SIGTERM"
finish
