#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live page in a real browser, inside a network namespace with no way out: it
# draws, counts, and asks nobody for anything. Skips where Chromium is absent.
. "$(dirname "$0")/lib.sh"

expect 2 "plot: 'pie' is not live or constellation" -- "$PROG" summary --plot pie
expect 2 "refresh-sec: 'soon' is not a number" -- "$PROG" summary --refresh-sec soon
"$PROG" crawl --sim 5000 --sim-mode virtual --store "$TMP/store" >/dev/null 2>&1
expect 0 "\[plot\] wrote $TMP/live.html" -- "$PROG" summary --store "$TMP/store" --plot live \
	--plot-output "$TMP/live.html" --geo-cache "$TMP/geo_cache.json" --cell-top 13 --half-life-min 15 \
	--cutoff-hours 6 --refresh-sec 0
expect 0 "\[plot\] error: .*nowhere" -- "$PROG" summary --store "$TMP/store" --plot live \
	--plot-output "$TMP/nowhere/live.html"

expect 0 "\[plot\] wrote $TMP/stars.html" -- "$PROG" summary --store "$TMP/store" --plot constellation \
	--plot-output "$TMP/stars.html" --target-points 1000 --cell-top 3 --refresh-sec 0
node --check "$PWD/viz/data/live.js" 2>"$TMP/check"
result $? "the page's program parses: $(head -n 2 "$TMP/check")"

# A page of 5,000 nodes that finds newer data, of 3,000, in the file beside it.
"$PROG" summary --store "$TMP/store" --plot live --plot-output "$TMP/kept.html" --refresh-sec 1 >/dev/null 2>&1
mv "$TMP/kept.html" "$TMP/page.html"
sleep 1.1
"$PROG" crawl --sim 3000 --sim-mode virtual --store "$TMP/store-3" >/dev/null 2>&1
"$PROG" summary --store "$TMP/store-3" --plot live --plot-output "$TMP/kept.html" --refresh-sec 1 >/dev/null 2>&1

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
			dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }));
			say('space', document.querySelector('[aria-selected=true]').id);
			let found = 0;
			for (let x = 300; x < 600 && !found; x += 10)
				for (let y = 60; y < 460 && !found; y += 10) {
					lights.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, pointerId: 1 }));
					found = /^[0-9]+.8 · [0-9,]+ node/.test($('tip').textContent);
				}
			say('block', found);
			dispatchEvent(new KeyboardEvent('keydown', { key: 'm' }));
			$('when').value = 10;
			$('when').dispatchEvent(new Event('input'));
			say('then', $('nodes').textContent + ' at ' + $('time').textContent);
			dispatchEvent(new KeyboardEvent('keydown', { key: ']' }));
			say('stepped', past);
			$('play').click();
			say('playing', playing > 0 && $('play').getAttribute('aria-label'));
			$('play').click();
			go(99);
			say('now', past === null && $('nodes').textContent);
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
holds hand 'data-space="tab-square"'
holds hand 'data-block="true"'
holds hand 'data-then="0 at [0-9:]{5}"'
holds hand 'data-stepped="11"'
holds hand 'data-playing="Pause"'
holds hand 'data-now="[45],[0-9]{3}"'
visit stars "file://$TMP/stars.html" --disable-3d-apis
holds stars 'data-painter="stars"'
holds stars 'id="nodes">[5-9][0-9][0-9]<'
visit beside "file://$TMP/page.html" --disable-3d-apis
holds beside 'data-fresh="[0-9]{10}"'
holds beside 'id="nodes">[23],[0-9]{3}<'
holds beside '<title>[23],[0-9]{3} nodes · DHT'
! grep -q 'id="wrong">[A-Z][a-z]* [a-z]' <(sed 's/<noscript>.*<\/noscript>//' "$TMP"/*.dom)
result $? "no error on the page"
# The browser calls its maker by itself; the page may call nobody.
! grep -ohE '"(https?|wss?|ftp)://[^"/ ]+' "$TMP"/*.net |
	grep -vE '(^|[./])(google|googleapis|gstatic|gvt1)\.com' >"$TMP/asked"
result $? "no request: $(head -n 3 "$TMP/asked" | tr '\n' ' ')"
finish
