#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# House rules that a machine can hold: file heads, 70-line functions, 100
# columns, the top level, no tabs-for-spaces mixtures left by editors.
set -u
bad=0
files=$(git ls-files '*.c' '*.h' '*.sh' '*.py' '*.mjs' '*.S'; git ls-files --others --exclude-standard '*.c' '*.h' '*.sh')
for f in $files; do
	[ -e "$f" ] || continue
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: MIT' ||
		{ echo "house: $f: no SPDX line at its head"; bad=1; }
done
for f in $(printf '%s\n' $files | grep -E '\.[ch]$'); do
	[ -e "$f" ] || continue
	expand -t 8 "$f" | awk -v f="$f" 'length > 100 { print "house: " f ":" NR ": longer than 100 columns"; bad = 1 }
		END { exit bad }' || bad=1
	awk -v f="$f" '
		/^[a-zA-Z_].*[^;]$/ { head = $0; line = NR }
		/^{/ { start = NR }
		/^}/ { if (start && NR - start - 1 > 70) {
				print "house: " f ":" start ": function of " NR - start - 1 " lines (most: 70): " head
				bad = 1 }
			start = 0 }
		END { exit bad }' "$f" || bad=1
	case $f in
	*.h)
		guard=$(echo "${f%.h}_H" | tr 'a-z/-' 'A-Z__')
		grep -q "^#ifndef $guard\$" "$f" || { echo "house: $f: guard should be $guard"; bad=1; } ;;
	esac
done
for t in $(git ls-files | cut -d/ -f1 | sort -u); do
	case $t in
	engine | proto | store | viz | bench | tests | configs | Makefile | README.md | LICENSE | CHANGELOG.md | .*) ;;
	*) echo "house: top level holds $t"; bad=1 ;;
	esac
done
exit $bad
