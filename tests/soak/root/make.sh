#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make.sh ROOT PACKAGE...: a bare Debian 12 with these packages below ROOT, by debootstrap,
# from where this machine's own apt gets its packages, and with its way of getting them.
# Uses DT_ROOT_CACHE, a tar file, where that is set: made if absent.
set -eu
root=$1
shift
mkdir -p "$root"
if [ -n "${DT_ROOT_CACHE:-}" ] && [ -s "$DT_ROOT_CACHE" ]; then
	tar xf "$DT_ROOT_CACHE" -C "$root"
	exit
fi
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(SITE)' | head -n 1)
proxy=$(apt-config dump | sed -n 's/^Acquire::http::Proxy "\(.*\)";/\1/p')
export http_proxy=${proxy:-${http_proxy:-}}
list=$(IFS=,; echo "$*")
debootstrap --variant=minbase ${list:+--include="$list"} bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
	{ tail -n 5 "$root.log" >&2; exit 1; }
cp -r /etc/apt/sources.list* "$root/etc/apt/" 2>/dev/null || true
cp -r /etc/apt/apt.conf* "$root/etc/apt/" 2>/dev/null || true
mkdir -p "$root/usr/share/keyrings"
cp -n /usr/share/keyrings/*.gpg "$root/usr/share/keyrings/" 2>/dev/null || true
[ -z "${DT_ROOT_CACHE:-}" ] || tar cf "$DT_ROOT_CACHE" -C "$root" .
