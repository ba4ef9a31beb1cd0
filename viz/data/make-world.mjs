#!/usr/bin/env node
/* SPDX-License-Identifier: MIT */
/**
 * countries-50m.json of npm world-atlas -> world-50m.bin. For maintainers only:
 * the result is committed. README.md beside this file has the command.
 *
 *   make-world.mjs countries-50m.json iso_3166-1.json world-50m.bin
 *
 * The file, integers as LEB128 varints, signed ones zigzag:
 *   "DTW1"
 *   4 doubles, little-endian: degrees per unit x, y; origin x, y
 *   arcs:      count; each: points, uses by countries (1 coast, 2 border), then x y deltas
 *   land:      rings;  each: arcs, then arc references (n, or ~n for reversed)
 *   countries: count; each: 2 bytes ISO 3166-1 alpha-2 ("--" none), rings, each as above
 */
import { readFileSync, writeFileSync } from "node:fs";

const [, , worldPath, isoPath, outPath] = process.argv;
const world = JSON.parse(readFileSync(worldPath));
const iso = JSON.parse(readFileSync(isoPath))["3166-1"];
const alpha2 = new Map(iso.map((e) => [e.numeric, e.alpha_2]));

const bytes = [];
const uint = (v) => {
	for (; v >= 128; v = Math.floor(v / 128)) bytes.push((v % 128) | 128);
	bytes.push(v);
};
const sint = (v) => uint(v < 0 ? -2 * v - 1 : 2 * v);
const double = (v) => bytes.push(...new Uint8Array(new Float64Array([v]).buffer));
const rings = (geometry) => {
	if (!geometry.type) return [];
	if (geometry.type === "GeometryCollection") return geometry.geometries.flatMap(rings);
	return geometry.type === "Polygon" ? geometry.arcs : geometry.arcs.flat();
};
const putRings = (list) => {
	uint(list.length);
	for (const ring of list) {
		uint(ring.length);
		ring.forEach(sint);
	}
};

const countries = world.objects.countries.geometries;
const uses = new Uint8Array(world.arcs.length);
for (const c of countries)
	for (const ring of rings(c)) for (const a of ring) uses[a < 0 ? ~a : a]++;

bytes.push(...Buffer.from("DTW1"));
world.transform.scale.forEach(double);
world.transform.translate.forEach(double);
uint(world.arcs.length);
world.arcs.forEach((arc, i) => {
	uint(arc.length);
	uint(uses[i]);
	for (const [dx, dy] of arc) {
		sint(dx);
		sint(dy);
	}
});
putRings(rings(world.objects.land));
uint(countries.length);
for (const c of countries) {
	bytes.push(...Buffer.from(alpha2.get(c.id) ?? "--"));
	putRings(rings(c));
}
writeFileSync(outPath, Uint8Array.from(bytes));
const count = (n) => uses.filter((u) => u === n).length;
console.log(`${bytes.length} bytes, ${count(1)} coast arcs, ${count(2)} border arcs, ` +
	`${countries.filter((c) => !alpha2.get(c.id)).length} countries without a code`);
