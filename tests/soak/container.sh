#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Dockerfile, step by step and without a container engine: each FROM a bare Debian 12 of
# debootstrap's, each RUN in a chroot there, COPY from what git has; then its CMD as its USER,
# under the seccomp profile, without capabilities, in a network namespace with no way out (so
# a simulated census in place of the real one). container.sh BUILD_DIR. Some minutes; needs
# root, debootstrap and a Debian mirror.
cd "$(dirname "$0")/../.."
. tests/integration/lib.sh
python=/usr/bin/python3
for tool in debootstrap unshare setpriv; do
	command -v $tool >/dev/null && [ "$(id -u)" = 0 ] || { echo "skipped: no $tool, or not root"; exit 77; }
done
mounted=()
trap 'for m in "${mounted[@]}"; do umount "$m"; done 2>/dev/null; rm -rf "$TMP"' EXIT

stage= stages=() user=root dir=/ cmd=
in_root() { chroot "$TMP/$stage" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive sh -c "$1"; }
from() { # IMAGE [AS NAME]
	stage=${3:-final}
	stages+=("$stage")
	user=root dir=/
	tests/soak/root/make.sh "$TMP/$stage" ca-certificates || return 1
	cp -L /etc/resolv.conf "$TMP/$stage/etc/resolv.conf"
	mount -t proc proc "$TMP/$stage/proc" && mounted+=("$TMP/$stage/proc")
	mount --bind /dev "$TMP/$stage/dev" && mounted+=("$TMP/$stage/dev")
	in_root 'apt-get -qq update'
}
copy() { # [--from=STAGE] FROM TO
	if [[ $1 == --from=* ]]; then
		cp -a "$TMP/${1#--from=}$2/." "$TMP/$stage$3"
	else
		mkdir -p "$TMP/$stage$2" && git archive HEAD | tar x -C "$TMP/$stage$2"
	fi
}
step() {
	local word=${1%% *} rest=${1#* }
	# shellcheck disable=SC2086
	case $word in
	FROM) from $rest ;;
	COPY) copy $rest ;;
	RUN) in_root "cd $dir && $rest" ;;
	WORKDIR) dir=$rest && mkdir -p "$TMP/$stage$dir" ;;
	USER) user=$rest && in_root "id $user" ;;
	VOLUME | EXPOSE) true ;;
	CMD) cmd=$rest ;;
	*) echo "no such instruction: $word"; false ;;
	esac
}
while read -r line; do
	[ -n "$line" ] || continue
	begun=$SECONDS
	step "$line" >"$TMP/step" 2>&1
	rc=$?
	result $rc "$(cut -c1-70 <<<"$line") ($((SECONDS - begun)) s)"
	[ $rc = 0 ] || { tail -n 15 "$TMP/step"; finish; }
done < <(sed -e ':a' -e '/\\$/N' -e 's/[ \t]*\\\n[ \t]*/ /' -e 'ta' configs/Dockerfile | grep -v '^#')

missing=$(in_root 'ldd /usr/bin/dht-telescope' | grep 'not found')
[ -z "$missing" ]
result $? "the image has every library: ${missing:-none is missing}"
shell=$(jq -r '.[2]' <<<"$cmd" | sed 's/--crawl/--sim 20000 --rate 5000/')
cp configs/seccomp.json tests/integration/container/seccomp.py "$TMP/"
# The profile is put on by this machine's python, just before the root is changed.
confined() {
	unshare --net --pid --fork --kill-child sh -c 'ip link set lo up; exec "$@"' sh "$@"
}
cat >"$TMP/enter.py" <<-END
	import os, pwd, sys
	user = [l.split(":") for l in open("$TMP/final/etc/passwd") if l.startswith("$user:")][0]
	os.chroot("$TMP/final")
	os.chdir("$dir")
	os.setgroups([]), os.setgid(int(user[3])), os.setuid(int(user[2]))
	os.environ.clear()
	os.environ.update(PATH="/usr/bin:/bin", HOME="$dir")
	os.execv("/bin/sh", ["sh", "-c", sys.argv[1]])
END
# chroot is none of the profile's calls: this test's own entering needs it, nothing after does.
$python - "$TMP/seccomp.json" <<-'END'
	import json, sys
	p = json.load(open(sys.argv[1]))
	p["syscalls"][0]["names"] += ["chroot"]
	json.dump(p, open(sys.argv[1], "w"))
END
confined $python "$TMP/seccomp.py" "$TMP/seccomp.json" $python "$TMP/enter.py" "$shell" >"$TMP/out" 2>&1 &
runner=$!
for _ in $(seq 100); do
	grep -q 'serving http' "$TMP/out" && break
	sleep 0.1
done
grep -q 'serving http://0.0.0.0:3000/' "$TMP/out"
result $? "CMD serves: $(tail -n 1 "$TMP/out")"
net=$(pgrep -P "$runner" | head -n 1)
token=$(cat "$TMP/final$dir/token")
lines=$(nsenter -t "$net" --net timeout 2 curl -sN -H "Authorization: Bearer $token" http://127.0.0.1:3000/peers | wc -l)
[ "$lines" -gt 500 ]
result $? "a client with the token that it drew: $lines lines in two seconds"
got=$(nsenter -t "$net" --net curl -s -m 2 -o /dev/null -w '%{http_code}' http://127.0.0.1:3000/peers)
[ "$got" = 401 ]
result $? "and one without it: $got"
[ "$(stat -c %U:%a "$TMP/final$dir/token" | cut -d: -f2)" != 777 ] && [ -d "$TMP/final$dir/store" ]
result $? "the volume holds the store and the token"
kill -KILL "$net"
wait $runner 2>/dev/null
finish
