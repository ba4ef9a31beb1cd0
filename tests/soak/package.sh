#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian package: built, without a complaint of lintian's, installed into a root of its
# own, its unit verified, its completion tried, and the installed program serving; then, as
# root and with debootstrap, installed by apt into a bare Debian 12 and started there by the
# systemd that is its process 1. package.sh BUILD_DIR. Needs debhelper, lintian, scdoc, mandoc.
cd "$(dirname "$0")/../.."
. tests/integration/lib.sh
for tool in dpkg-buildpackage lintian scdoc mandoc; do
	command -v $tool >/dev/null || { echo "skipped: no $tool (apt-get install debhelper lintian scdoc mandoc)"; exit 77; }
done

make -s deb >"$TMP/deb" 2>&1
result $? "make deb: $(tail -n 1 "$TMP/deb")"
deb=$(ls build/deb/dht-telescope_*.deb | head -n 1)
said=$(lintian --allow-root --fail-on error,warning "$deb" 2>&1)
result $? "lintian: ${said:-nothing to say}"

root=$TMP/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
: >"$root/var/lib/dpkg/status"
dpkg --root="$root" --force-depends --force-script-chrootless --log="$TMP/dpkg.log" -i "$deb" >"$TMP/dpkg" 2>&1
result $? "installed into a root of its own: $(tail -n 1 "$TMP/dpkg")"
for n in 1 5 7; do
	zcat "$root/usr/share/man/man$n/dht-telescope.$n.gz" | mandoc -T lint -W error
	result $? "dht-telescope($n): mandoc"
done
if command -v systemd-analyze >/dev/null; then
	sed "s#=/usr/bin/#=$root/usr/bin/#" "$root/lib/systemd/system/dht-telescope.service" >"$TMP/dht-telescope.service"
	said=$(systemd-analyze verify --man=no "$TMP/dht-telescope.service" 2>&1 | grep dht-telescope)
	[ -z "$said" ]
	result $? "the unit: ${said:-nothing to say}"
fi
words=$(PATH="$root/usr/bin:$PATH" bash -c '. "$1"; COMP_WORDS=(dht-telescope serve --max); COMP_CWORD=2
	compopt() { :; }; _dht_telescope; echo "${COMPREPLY[*]}"' _ "$root/usr/share/bash-completion/completions/dht-telescope")
[[ $words == *--max-streams=* ]]
result $? "completion: serve --max: $words"

# As the manager would: a socket that hears READY=1, WATCHDOG=1 and STOPPING=1.
/usr/bin/python3 - "$root/usr/bin/dht-telescope" "$TMP" >"$TMP/notify" 2>&1 <<'END'
import os, signal, socket, subprocess, sys, time
prog, tmp = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(tmp + "/notify.sock")
s.settimeout(10)
p = subprocess.Popen([prog, "serve", "--sim", "2000", "--port", "0", "--store", tmp + "/store"],
                     env=dict(os.environ, NOTIFY_SOCKET=tmp + "/notify.sock", WATCHDOG_USEC="4000000"))
said = [s.recv(100).decode()]
end = time.time() + 4
while time.time() < end:
    said.append(s.recv(100).decode())
p.send_signal(signal.SIGINT)
while p.poll() is None:
    try:
        said.append(s.recv(100).decode())
    except socket.timeout:
        break
print(said[0], said.count("WATCHDOG=1"), said[-1], p.wait(20))
sys.exit(not (said[0] == "READY=1" and said.count("WATCHDOG=1") > 2 and "STOPPING=1" in said))
END
result $? "the manager is told: $(tail -n 1 "$TMP/notify")"
# ---- a Debian of its own, with systemd as its process 1 ------------------------------------
for tool in debootstrap unshare nsenter; do
	command -v $tool >/dev/null && [ "$(id -u)" = 0 ] || { echo "ok - # SKIP a clean root: no $tool, or not root"; finish; }
done
root=$TMP/debian
tests/soak/root/make.sh "$root" systemd systemd-sysv dbus ca-certificates >"$TMP/made" 2>&1
rc=$?
result $rc "a bare Debian 12: $(du -sh "$root" 2>/dev/null | cut -f1) $(tail -n 1 "$TMP/made")"
[ $rc = 0 ] || finish
cp "$deb" "$root/var/tmp/dht-telescope.deb"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends /var/tmp/dht-telescope.deb' >"$TMP/apt" 2>&1
rc=$?
result $rc "apt installs it there, with all it depends on: $(tail -n 1 "$TMP/apt")"
[ $rc = 0 ] || finish
missing=$(chroot "$root" ldd /usr/bin/dht-telescope | grep 'not found')
[ -z "$missing" ]
result $? "no library is missing ${missing}"
said=$(chroot "$root" systemd-analyze verify --man=no dht-telescope.service 2>&1 | grep dht-telescope)
[ -z "$said" ]
result $? "systemd-analyze verify: ${said:-nothing to say}"
exposure=$(chroot "$root" systemd-analyze security --offline=yes dht-telescope.service 2>/dev/null | sed -n 's/.*Overall exposure level[^:]*: \([0-9.]*\).*/\1/p')
awk -v e="${exposure:-10}" 'BEGIN { exit !(e <= 2.5) }'
result $? "systemd-analyze security: exposure $exposure of 10"

# It has no network but lo; a simulated census is what it takes there.
printf 'sim: 6000\nrate: 3000\nepochs: 0\ninterval: 5s\ncertify: 0\n' >"$root/etc/dht-telescope/serve.yaml"
setsid unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child \
	tests/soak/root/boot.sh "$root" </dev/null >"$TMP/boot" 2>&1 &
booter=$!
init=
for _ in $(seq 100); do
	init=$(pgrep -P "$booter" 2>/dev/null | head -n 1)
	[ -n "$init" ] && [ -S "/proc/$init/root/run/systemd/private" ] && break
	sleep 0.1
done
trap 'kill -KILL "$init" "$booter" 2>/dev/null; rm -rf "$TMP"' EXIT
within() { timeout 20 nsenter -t "$init" --mount --pid --net --uts --ipc --cgroup --root --wd=/ "$@"; }
within systemctl start dht-telescope
rc=$?
[ $rc = 0 ] || within journalctl -u dht-telescope -n 20 --no-pager
result $rc "systemctl start: READY was told"
uid=$(within stat -c %u /proc/"$(within systemctl show -p MainPID --value dht-telescope)")
[ "${uid:-0}" -ge 61184 ] && [ "$uid" -le 65519 ] # systemd.exec(5), DynamicUser=
result $? "it runs as a user of its own: $uid"
fetch() { timeout 10 nsenter -t "$init" --net curl -s -m "${2:-3}" "http://127.0.0.1:3000$1"; }
fetch /healthz | grep -q ok
result $? "GET /healthz"
lines=$(fetch /peers 2 | wc -l)
[ "$lines" -gt 100 ]
result $? "GET /peers: $lines lines in two seconds"
backend=
for _ in $(seq 40); do
	backend=$(fetch /metrics | sed -n 's/.*build_info{.*backend="\([a-z]\{1,\}\)".*/\1/p')
	[ -n "$backend" ] && break
	sleep 0.5
done
[ "$backend" = uring ]
result $? "in the sandbox of its unit the census goes by: $backend"
within systemctl kill -s KILL dht-telescope
sleep 0.5
within systemctl show -p Result --value dht-telescope | grep -q signal
result $? "killed: seen by the manager, which will start it again: $(within systemctl show -p ActiveState,SubState --value dht-telescope | tr '\n' ' ')"
within systemctl restart dht-telescope && within systemctl is-active -q dht-telescope
result $? "started again, over the same store"
within systemctl stop dht-telescope
[ "$(within systemctl show -p Result --value dht-telescope)" = success ]
result $? "systemctl stop: $(within systemctl show -p Result --value dht-telescope)"
within journalctl -u dht-telescope -o json --no-pager | jq -e -s 'any(.[]; (.MESSAGE | tostring | test("^serving http")) and .PRIORITY == "6")' >/dev/null
result $? "the journal has its words, with their priority and without a prefix"
[ "$(within stat -c %a /var/lib/private/dht-telescope)" = 700 ]
result $? "the store's folder is nobody else's"
finish
