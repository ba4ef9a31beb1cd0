#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each header compiles alone.
set -u
bad=0
for h in $(git ls-files '*.h'); do
	[ -e "$h" ] || continue
	echo "#include \"$h\"" | gcc -std=gnu17 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c - ||
		{ echo "headers: $h does not stand alone"; bad=1; }
done
exit $bad
