#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who may include whom (engine/README.md draws it). Prints each breach; exit 1.
set -u
bad=0
check() { # LAYER FILES ALLOWED
	local layer=$1 allowed=$2
	shift 2
	for f in "$@"; do
		[ -e "$f" ] || continue
		while IFS= read -r line; do
			to=$(sed -E 's/.*#include "([a-z]+)\/.*/\1/' <<<"$line")
			case " $allowed " in
			*" $to "*) ;;
			*) echo "layers: $f: $layer may not include $line"; bad=1 ;;
			esac
		done < <(grep -E '^#include "[a-z]+/' "$f")
		if grep -nE '^#include "[^/"]*"' "$f"; then
			echo "layers: $f: an include does not name its layer"; bad=1
		fi
	done
}
check proto "proto" proto/*.[ch]
check store "proto store" store/*.[ch]
check engine "proto engine" engine/*.[ch]
check viz "proto store viz" viz/*.[ch]
# One file per foreign format.
only() { # HEADER FILES-REGEX
	local hits
	hits=$(grep -rlE "^#include <$1>" --include='*.[ch]' proto store engine viz bench | grep -vE "$2")
	[ -z "$hits" ] || { echo "layers: <$1> is included by: $hits"; bad=1; }
}
only 'lmdb\.h' '^store/store_lmdb|^bench/'
only 'maxminddb\.h' '^store/geo_mmdb'
only 'sqlite3\.h' '^store/observatory'
only 'pcap/pcap\.h' '^engine/(capture|mirror)'
only 'liburing\.h' '^engine/net_uring|^bench/'
# Layers that neither print nor exit.
if grep -nE '\b(printf|fprintf|puts|perror|exit|abort)\(' proto/*.c store/*.c viz/*.c 2>/dev/null |
	grep -vE 'snprintf|vsnprintf'; then
	echo "layers: proto, store and viz neither print nor exit"; bad=1
fi
exit $bad
