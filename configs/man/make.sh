#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make.sh PROGRAM OUT_DIR: the manual pages. Commands come from the program's own list,
# keys from conf_keys.def, so that neither is written twice.
set -euo pipefail
here=$(dirname "$0") prog=$1 out=$2
mkdir -p "$out"

# what *x* and _x_ would make bold or underlined is meant as it stands
plain() { sed 's/[*_]/\\&/g'; }

commands=$("$prog" --help | sed -n 's/^  \([a-z]\{2,\}\)  *\([^ ].*\)$/\1\t\2/p' | plain |
	awk -F'\t' '{ printf "*%s*\n\t%s\n\n", $1, $2 }')
keys=$(awk '
	/^GROUP\(/ { sub(/^GROUP\([0-9]+, "/, ""); sub(/:?"\)$/, ""); printf "\n## %s\n\n", toupper($0) }
	/^KEY\(/ {
		split($0, p, /, /); key = p[2]; arg = p[3]; gsub(/"/, "", arg)
		line = $0; sub(/^KEY\([A-Z0-9]+, [a-z0-9_]+, "[^"]*", /, "", line)
		i = match(line, /, "/); value = substr(line, 1, i - 1); help = substr(line, i + 3)
		sub(/"\)$/, "", help)
		gsub(/[*_]/, "\\\\&", key); gsub(/[*_]/, "\\\\&", help); gsub(/[*_]/, "\\\\&", arg)
		printf "*%s*: %s\n\t%s. Default: %s\n\n", key, arg, help, value
	}' "$here/../../engine/cli/conf_keys.def")
for n in 1 5 7; do
	page=$(<"$here/dht-telescope.$n.scd")
	page=${page//@COMMANDS@/$commands}
	page=${page//@KEYS@/$keys}
	printf '%s\n' "$page" | scdoc >"$out/dht-telescope.$n"
done
