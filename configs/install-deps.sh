#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Install the Debian packages that a group of targets needs; nothing where all is there.
#
#   install-deps.sh [--quiet] [--list-missing] GROUP...   groups: build test lint fuzz pack
set -euo pipefail

# libyaml-dev: libcyaml-dev's .pc file asks for -lyaml without depending on it.
build="gcc make git pkg-config liburing-dev libpcap-dev libmaxminddb-dev liblmdb-dev libxxhash-dev
       libsodium-dev libcyaml-dev libyaml-dev libcairo2-dev libfreetype-dev libdeflate-dev libck-dev
       libcap-ng-dev libzstd-dev libxdp-dev libbpf-dev libmicrohttpd-dev zlib1g-dev
       libsqlite3-dev"
test="libcmocka-dev iproute2 python3-minimal python3-libtorrent transmission-daemon aria2 rtorrent
      tmux ffmpeg nodejs python3-numpy python3-pandas python3-scipy
      python3-networkx python3-igraph python3-lmdb zstd tcpdump tshark curl jq procps
      chromium python3-prometheus-client python3-requests"
lint="clang-format cppcheck"
fuzz="clang libclang-rt-dev"
pack="debhelper lintian scdoc mandoc debootstrap"

quiet=0 list=0 modules=0 want=""
for a in "$@"; do
	case $a in
	--quiet) quiet=1 ;;
	--list-missing) list=1 ;;
	build) want+=" $build" ;;
	test) want+=" $test" modules=1 ;;
	lint) want+=" $lint" ;;
	fuzz) want+=" $fuzz" ;;
	pack) want+=" $pack" ;;
	*) echo "install-deps.sh: unknown group '$a' (build, test, lint, fuzz, pack)" >&2; exit 2 ;;
	esac
done

# A command that is on the PATH by other means counts (a Node.js not from Debian).
have() {
	case $1 in
	nodejs) command -v node >/dev/null && return 0 ;;
	clang-format | clang | cppcheck | git | make | gcc) command -v "$1" >/dev/null && return 0 ;;
	esac
	dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

# Node modules of tests/package.json: one more kind of node, readers of Parquet
# and GEXF, DuckDB (90 MB). Where they cannot be had, the tests go without and say so.
modules() {
	local dir=${0%/*}/../tests m all=1
	for m in $(sed -n 's/^    "\([^"]*\)": "[0-9][^"]*",\{0,1\}$/\1/p' "$dir/package.json"); do
		[ -d "$dir/node_modules/$m" ] || all=0
	done
	[ $modules = 1 ] && [ $all = 0 ] && command -v npm >/dev/null || return 0
	echo "installing: tests/package.json"
	timeout 240 npm ci --prefix "$dir" --no-audit --no-fund --fetch-retries=0 >/dev/null 2>&1 ||
		echo "install-deps.sh: npm could not; tests go without these modules" >&2
}

missing=()
for p in $want; do have "$p" || missing+=("$p"); done
if [ ${#missing[@]} -eq 0 ]; then
	[ $list = 1 ] || modules
	[ $quiet = 1 ] || echo "dependencies: all there"
	exit 0
fi
if [ $list = 1 ]; then
	echo "missing packages; try: apt-get install ${missing[*]}   (or: make deps)" >&2
	exit 1
fi
cure="apt-get update && apt-get install ${missing[*]}"
sudo=""
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "install-deps.sh: not root and no sudo; as root: $cure" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() { $sudo env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; }
run apt-get install -y --no-install-recommends "${missing[@]}" ||
	{ run apt-get update && run apt-get install -y --no-install-recommends "${missing[@]}"; } ||
	{ tail -n 20 "$log" >&2; echo "install-deps.sh: apt-get failed, see above; as root: $cure" >&2; exit 1; }
modules
