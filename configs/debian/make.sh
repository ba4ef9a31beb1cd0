#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make.sh VERSION: the Debian package, into build/deb, from what git has.
set -euo pipefail
cd "$(dirname "$0")/../.."
# 1.2-34-gabcdef, or a bare commit where there is no tag: a version that sorts
version=$(sed 's/^v//; s/-dirty$//; s/-\([0-9]*\)-g/+git\1./' <<<"$1")
case $version in [0-9]*.*) ;; *) version=0~git$(git log -1 --format=%cd --date=format:%Y%m%d).$version ;; esac
rm -rf build/deb
mkdir -p build/deb/dht-telescope
git archive HEAD | tar x -C build/deb/dht-telescope
cd build/deb/dht-telescope
cp -r configs/debian debian
rm debian/make.sh
licence=$(sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /')
text=$(<debian/copyright)
printf '%s\n' "${text//@MIT@/$licence}" >debian/copyright
cat >debian/changelog <<-EOF
	dht-telescope ($version) unstable; urgency=medium

	  * Built from source; CHANGELOG.md says what changed.

	 -- dht-telescope maintainers <maintainers@dht-telescope.invalid>  $(date -R -d "@$(git log -1 --format=%ct)")
EOF
dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { tail -n 30 ../build.log; exit 1; }
cd ..
ls "$PWD"/*.deb
