#!/usr/bin/env node
/* SPDX-License-Identifier: MIT */
/**
 * Blue noise for dithering, by void-and-cluster (Ulichney, "The void-and-cluster
 * method for dither array generation", SPIE 1913, 1993). For maintainers only.
 *
 *   make-noise.mjs noise-64.bin
 *
 * The file: 64 x 64 ranks 0..4095, each once, as little-endian 16 bit.
 */
import { writeFileSync } from "node:fs";

const SIDE = 64, CELLS = SIDE * SIDE, SIGMA = 1.5, ONES = CELLS / 10 | 0;
const kernel = new Float64Array(CELLS);
for (let y = 0; y < SIDE; y++)
	for (let x = 0; x < SIDE; x++) {
		const dx = Math.min(x, SIDE - x), dy = Math.min(y, SIDE - y);
		kernel[y * SIDE + x] = Math.exp(-(dx * dx + dy * dy) / (2 * SIGMA * SIGMA));
	}
const energy = new Float64Array(CELLS);
const on = new Uint8Array(CELLS);
const put = (cell, sign) => {
	const cx = cell % SIDE, cy = cell / SIDE | 0;
	on[cell] = sign > 0 ? 1 : 0;
	for (let y = 0; y < SIDE; y++)
		for (let x = 0; x < SIDE; x++)
			energy[y * SIDE + x] += sign *
				kernel[((y - cy) & (SIDE - 1)) * SIDE + ((x - cx) & (SIDE - 1))];
};
const extreme = (state, sign) => {
	let best = -1;
	for (let i = 0; i < CELLS; i++)
		if (on[i] === state && (best < 0 || sign * energy[i] > sign * energy[best])) best = i;
	return best;
};
const cluster = () => extreme(1, 1);
const emptiest = () => extreme(0, -1);

/* splitmix64, so that the start does not depend on the engine's Math.random */
let seed = 64n;
const random = () => {
	seed = (seed + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
	let z = seed;
	z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
	z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
	return Number((z ^ (z >> 31n)) % BigInt(CELLS));
};
for (let n = 0; n < ONES;) {
	const cell = random();
	if (!on[cell]) { put(cell, 1); n++; }
}
for (;;) {
	const from = cluster();
	put(from, -1);
	const to = emptiest();
	put(to, 1);
	if (to === from) break;
}
const rank = new Uint16Array(CELLS);
const start = on.slice();
for (let n = ONES - 1; n >= 0; n--) {
	const cell = cluster();
	put(cell, -1);
	rank[cell] = n;
}
energy.fill(0);
on.fill(0);
start.forEach((s, i) => s && put(i, 1));
for (let n = ONES; n < CELLS; n++) {
	const cell = emptiest();
	put(cell, 1);
	rank[cell] = n;
}
writeFileSync(process.argv[2], new Uint8Array(rank.buffer));
