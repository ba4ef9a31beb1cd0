#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live page in a real browser, inside a network namespace with no way out: it
# draws, counts, and asks nobody for anything. Skips where Chromium is absent.
. "$(dirname "$0")/lib.sh"

expect 2 "plot: 'pie' is not live" -- "$PROG" summary --plot pie
expect 2 "refresh-sec: 'soon' is not a number" -- "$PROG" summary --refresh-sec soon
"$PROG" crawl --sim 5000 --sim-mode virtual --store "$TMP/store" >/dev/null 2>&1
expect 0 "\[plot\] wrote $TMP/live.html" -- "$PROG" summary --store "$TMP/store" --plot live \
	--plot-output "$TMP/live.html" --geo-cache geo_cache.json --cell-top 13 --half-life-min 15 \
	--cutoff-hours 6 --refresh-sec 0
expect 0 "\[plot\] error: .*nowhere" -- "$PROG" summary --store "$TMP/store" --plot live \
	--plot-output "$TMP/nowhere/live.html"

browser=$(command -v chromium || true)
if [ -z "$browser" ] || ! unshare -rn true 2>/dev/null; then
	result 0 "the page in Chromium # SKIP no chromium, or no network namespace to shut it in"
	finish
fi

# visit NAME URL FLAG...: the document after three seconds of its own time, in NAME.dom
visit() {
	local name=$1 url=$2
	shift 2
	timeout 60 unshare -rn "$browser" --headless --no-sandbox --disable-gpu --disable-quic \
		--no-first-run --disable-background-networking --disable-component-update \
		--disable-sync --user-data-dir="$TMP/profile-$name" --virtual-time-budget=3000 \
		--window-size=900,600 --log-net-log="$TMP/$name.net" --dump-dom "$@" "$url" \
		>"$TMP/$name.dom" 2>"$TMP/$name.log"
}
holds() { grep -qE -- "$2" "$TMP/$1.dom"; result $? "$1: $2"; }

visit gl "file://$TMP/live.html" --enable-unsafe-swiftshader
holds gl 'data-painter="(webgl2|flat)"'
holds gl 'id="nodes">[45],[0-9]{3}<'
holds gl 'SYNTHETIC SAMPLE'
holds gl 'aria-pressed="false"'
visit flat "file://$TMP/live.html" --disable-3d-apis
holds flat 'data-painter="flat"'
holds flat 'id="nodes">[45],[0-9]{3}<'
# The same page with a hand that hovers over Europe, zooms by key and picks a network.
{
	cat "$TMP/live.html"
	cat <<-'HAND'
		<script>
		setTimeout(() => {
			const at = { clientX: innerWidth * .51, clientY: innerHeight * .22, pointerId: 1 };
			const k = view.k, say = (name, what) => document.body.setAttribute('data-' + name, what);
			lights.dispatchEvent(new PointerEvent('pointermove', at));
			say('tip', $('tip').textContent);
			dispatchEvent(new KeyboardEvent('keydown', { key: '+' }));
			say('zoom', (view.k / k).toFixed(2));
			$('rows').querySelector('button').click();
			say('only', only);
			say('pressed', $('rows').querySelectorAll('[aria-pressed=true]').length);
			dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
			say('escaped', only);
			dispatchEvent(new KeyboardEvent('keydown', { key: '0' }));
			say('whole', (view.k / k).toFixed(2));
		}, 1000);
		</script>
	HAND
} >"$TMP/hand.html"
visit hand "file://$TMP/hand.html" --disable-3d-apis
holds hand 'data-tip="[0-9,]+ nodes?, [0-9]+ networks?[^"]+AS[0-9]+'
holds hand 'data-zoom="1.50"'
holds hand 'data-only="[0-9]+"'
holds hand 'data-pressed="1"'
holds hand 'data-escaped="-1"'
holds hand 'data-whole="1.00"'
! grep -q 'id="wrong">[A-Z][a-z]* [a-z]' <(sed 's/<noscript>.*<\/noscript>//' "$TMP/gl.dom" "$TMP/flat.dom")
result $? "no error on the page"
# The browser calls its maker by itself; the page may call nobody.
! grep -ohE '"(https?|wss?|ftp)://[^"/ ]+' "$TMP/gl.net" "$TMP/flat.net" |
	grep -vE '(^|[./])(google|googleapis|gstatic|gvt1)\.com' >"$TMP/asked"
result $? "no request: $(head -n 3 "$TMP/asked" | tr '\n' ' ')"
finish
