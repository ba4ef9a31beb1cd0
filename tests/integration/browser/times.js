// SPDX-License-Identifier: MIT
// An expression for look.mjs: how long a live page takes to be there, to answer a hover, to
// count at another time, and to hand a frame to the painter; medians in milliseconds.
(async () => {
	while (!document.documentElement?.dataset.painter || typeof draw !== 'function')
		await new Promise(done => setTimeout(done, 10));
	const ready_ms = Math.round(performance.now());
	const median = list => list.sort((a, b) => a - b)[list.length >> 1];
	const timed = (times, act) => +median(Array.from({ length: times }, (_, i) => {
		const begin = performance.now();
		act(i);
		return performance.now() - begin;
	})).toFixed(1);
	/* over the populated half of the map, a tip each time that somebody is there */
	let tips = 0;
	const hover_ms = timed(48, i => {
		lights.dispatchEvent(new PointerEvent('pointermove', { pointerId: 1,
			clientX: innerWidth * (.15 + .7 * (i % 8) / 8), clientY: innerHeight * (.15 + .4 * (i >> 3) / 6) }));
		tips += $('tip').style.display === 'block';
	});
	const slide = i => { $('when').value = i * 7 % 64; $('when').dispatchEvent(new Event('input')); };
	const scrub_ms = timed(21, slide);
	/* with reading a pixel back, so that the painter is waited for */
	const gl = lights.getContext('webgl2'), pixel = new Uint8Array(4);
	const frame_ms = timed(9, i => {
		slide(i);
		draw();
		gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
	});
	go(99);
	return { nodes: nodes.n, painter: document.documentElement.dataset.painter, ready_ms, hover_ms, tips,
		scrub_ms, frame_ms };
})()
