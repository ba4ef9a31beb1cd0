#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian package: built, without a complaint of lintian's, installed into a root of its
# own, its unit verified, its completion tried, and the installed program serving.
# package.sh BUILD_DIR. Needs debhelper, lintian, scdoc, mandoc.
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
finish
