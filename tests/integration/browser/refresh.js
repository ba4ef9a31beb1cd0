// SPDX-License-Identifier: MIT
// An expression for look.mjs: waits for newer data in the file beside the page; the longest time
// that nothing else could run for, five seconds before it and until they are shown, with painting
// (by the CPU, where there is no GPU) and without; and when (Unix, in milliseconds) the counters
// said so.
(async () => {
	const said = () => $('nodes').textContent + ' at ' + $('time').textContent;
	const before = said(), had = document.documentElement.dataset.fresh;
	const wait = ms => new Promise(done => setTimeout(done, ms));
	let longest = 0, last = performance.now();
	const beat = setInterval(() => {
		const now = performance.now();
		longest = Math.max(longest, now - last);
		last = now;
	}, 5);
	const painter = paint, spell = async ms => {
		longest = 0;
		await wait(ms);
		return Math.round(longest);
	};
	const painting_block_ms = await spell(5000);
	paint = () => { }; /* what a GPU would take off the page's hands */
	await wait(3000);
	const still_block_ms = await spell(2000);
	document.documentElement.dataset.ready = 'yes';
	longest = 0;
	const end = performance.now() + 30000;
	while (document.documentElement.dataset.fresh === had && performance.now() < end)
		await wait(5);
	const shown_at = Date.now(), refresh_block_ms = Math.round(longest);
	clearInterval(beat);
	paint = painter;
	draw();
	await wait(4000);
	return { before, after: said(), fresh: document.documentElement.dataset.fresh !== had, shown_at,
		painting_block_ms, still_block_ms, refresh_block_ms };
})()
