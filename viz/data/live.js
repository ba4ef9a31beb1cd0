/* SPDX-License-Identifier: MIT */
'use strict';
/*
 * Two spaces: the map, in units of 1/8 pixel of a 1920 x 1080 frame, and the square of all
 * IPv4 addresses, a cell of 8 units per /20. View: css pixels; painters: device pixels.
 * A network is its rank by nodes. Text from elsewhere only ever becomes textContent.
 */
const $ = id => document.getElementById(id);
let meta = JSON.parse($('meta').textContent);
const SUB = 8, WIDTH = 1920 * SUB, TOP = 30 * SUB, FADE = 848 * SUB, SOUTH = 900 * SUB, SIDE = 1024 * SUB;
const CELL = 8 * SUB, COLUMNS = WIDTH / CELL, ROWS = 1080 * SUB / CELL, NO_PREFIX = 1 << 20, OUTSIDE = 8000;
const ground = $('ground'), tip = $('tip');
let lights = $('lights');

/* k: css pixels per unit; x, y: the unit that lies at ox, oy of the page */
const spaces = {
	map: { left: 0, right: WIDTH, top: TOP, bottom: SOUTH, power: 1.25, glow: .11 },
	square: { left: 0, right: SIDE, top: 0, bottom: SIDE, power: .75, glow: .02 },
};
for (const s of Object.values(spaces))
	Object.assign(s, { x: (s.left + s.right) / 2, y: (s.top + s.bottom) / 2, k: 0, moved: false });
let view = spaces.map, nodes, land, paint, only = -1, wanted = false;
let painting = null, rest = 0; /* the frame that is being painted; when the next may come by itself */

/* ---- time ------------------------------------------------------------------ */

/* Where one looks: a step of the past, or null for now. */
let past = null, playing = 0, live, stepS, halfPast;
const unix = () => Date.now() / 1000;
const passed = () => live ? Math.max(0, unix() - meta.written) : 0;

function setTime() {
	/* Written lately: somebody keeps it fresh, so it fades on. An old one stands at its instant. */
	live = unix() - meta.written < Math.max(600, 3 * meta.refresh);
	stepS = meta.cutoff / meta.steps;
	/* with less than three steps the past would flicker */
	halfPast = Math.max(meta.halfLife, 3 * stepS);
}

const instant = () => past === null ? meta.at + passed() : meta.at - meta.cutoff + past * stepS;

/* How bright, of 1; 0 is out. The same as in VERTEX. */
function weight(i, t) {
	if (past === null) {
		const a = nodes.age[i] + t;
		return a > meta.cutoff ? 0 : 2 ** (-a / meta.halfLife);
	}
	const step = Math.min(meta.steps - 1, past | 0);
	const low = nodes.seen[2 * i] & (step > 30 ? -1 : (1 << step + 1) - 1);
	const high = step < 32 ? 0 : nodes.seen[2 * i + 1] & (step > 62 ? -1 : (1 << step - 31) - 1);
	const last = high ? 63 - Math.clz32(high) : low ? 31 - Math.clz32(low) : -1;
	return last < 0 ? 0 : 2 ** (-Math.max(0, past - last - 1) * stepS / halfPast);
}

/* Still to be called alight: what is left of it can be seen. */
const FAINT = 1 / 16;
const alight = (i, t) => past === null ? nodes.age[i] + t <= meta.cutoff : weight(i, t) >= FAINT;

/* ---- what is packed ----------------------------------------------------------- */

async function unzip(base64) {
	const text = atob(base64), raw = new Uint8Array(text.length);
	for (let i = 0; i < raw.length; i++)
		raw[i] = text.charCodeAt(i);
	const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream('deflate'));
	const b = new Uint8Array(await new Response(stream).arrayBuffer());
	let at = 0;
	const varint = () => {
		let v = 0, s = 0, c;
		do { c = b[at++]; v += (c & 127) * 2 ** s; s += 7; } while (c > 127);
		return v;
	};
	return { varint, signed: () => { const v = varint(); return v & 1 ? -(v + 1) / 2 : v / 2; },
		take: n => b.subarray(at, at += n) };
}

async function unpackLand(base64) {
	const { varint, signed } = await unzip(base64);
	land = new Path2D();
	for (let r = 0, x = 0, y = 0; r < meta.rings; r++) {
		for (let i = 0, n = varint(); i < n; i++) {
			x += signed(); y += signed();
			i ? land.lineTo(x, y) : land.moveTo(x, y);
		}
		land.closePath();
	}
}

/* The cell of a /20 along the curve; 0/8 upper left, 255/8 upper right: viz/hilbert.c. */
const PLACE = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
const TURN = [[1, 0, 0, 3], [0, 1, 1, 2], [3, 2, 2, 1], [2, 3, 3, 0]];
function hilbert(d) {
	let turn = 0, x = 0, y = 0;
	for (let shift = 18; shift >= 0; shift -= 2) {
		const quarter = d >> shift & 3, at = PLACE[turn][quarter];
		x = x << 1 | at >> 1; y = y << 1 | at & 1;
		turn = TURN[turn][quarter];
	}
	return [x, y];
}

/* A long loop's turn for others, now and then: a page that reads newer data still answers. */
function breather() {
	let since = performance.now();
	return async () => {
		if (performance.now() - since < 12)
			return;
		await new Promise(done => setTimeout(done));
		since = performance.now();
	};
}

async function unpackNodes(m, base64) {
	const { varint, take } = await unzip(base64), networks = [], n = m.shown;
	for (let i = 0; i < m.networks; i++)
		networks.push({ asn: varint(), rgb: [...take(3)] });
	const xy = new Uint16Array(2 * n), cell = new Uint16Array(2 * n), rank = new Uint32Array(n);
	const age = new Float32Array(n), rgb = new Uint8Array(3 * n), seen = new Uint32Array(2 * n);
	const per = new Uint32Array(m.steps), breathe = breather();
	for (let i = 0, prefix = 0; i < n; i++) {
		if (!(i & 4095))
			await breathe();
		prefix += varint();
		const at = prefix === NO_PREFIX ? [OUTSIDE, OUTSIDE] : hilbert(prefix);
		cell[2 * i] = at[0] * SUB; cell[2 * i + 1] = at[1] * SUB;
	}
	const planes = count => Array.from({ length: count }, () => take(n)), back = v => v & 1 ? -(v + 1) / 2 : v / 2;
	const r = planes(3), dx = planes(2), dy = planes(2), [a] = planes(1), h = planes(m.used.length + 7 >> 3);
	for (let i = 0, x = 0, y = 0; i < n; i++) {
		if (!(i & 4095))
			await breathe();
		rank[i] = r[0][i] | r[1][i] << 8 | r[2][i] << 16;
		x += back(dx[0][i] | dx[1][i] << 8) * 2; y += back(dy[0][i] | dy[1][i] << 8) * 2;
		xy[2 * i] = x; xy[2 * i + 1] = y;
		/* of the steps in which anybody was seen, where it changes; from the last one back */
		let last = m.steps - 1, on = 0;
		for (let k = m.used.length - 1, first = true; k >= 0; k--) {
			on ^= h[k >> 3][i] >> (k & 7) & 1;
			if (!on)
				continue;
			const step = m.used[k];
			seen[2 * i + (step >> 5)] |= 1 << (step & 31);
			if (first)
				last = step;
			first = false;
			per[step]++;
		}
		age[i] = (m.steps - 1 - last + a[i] / 256) * m.cutoff / m.steps;
		rgb.set(networks[rank[i]].rgb, 3 * i);
	}
	return { n, rank, age, rgb, seen, per, networks,
		map: index(xy, n), square: index(cell, n) };
}

/* Nodes by cell of a space, for hovering. */
function index(xy, n) {
	const start = new Uint32Array(COLUMNS * ROWS + 1), order = new Uint32Array(n);
	const cell = i => Math.min(ROWS - 1, xy[2 * i + 1] / CELL | 0) * COLUMNS +
		Math.min(COLUMNS - 1, xy[2 * i] / CELL | 0);
	for (let i = 0; i < n; i++)
		start[cell(i) + 1]++;
	for (let i = 0; i < COLUMNS * ROWS; i++)
		start[i + 1] += start[i];
	const next = start.slice();
	for (let i = 0; i < n; i++)
		order[next[cell(i)]++] = i;
	return { xy, start, order };
}

const spot = () => view === spaces.square ? nodes.square : nodes.map;
const nameOf = rank => {
	const asn = nodes.networks[rank].asn;
	return meta.names[rank] || (asn ? 'AS' + asn : 'Unknown network');
};

/* ---- the tone map: viz/tone.h -------------------------------------------------- */

/* Of the cells of a space, all that lay in the window alight: it stays while time is moved. */
function tone({ xy }) {
	const sum = new Map();
	for (let i = 0; i < nodes.n; i++) {
		const cell = (xy[2 * i + 1] >> 3) * 2048 + (xy[2 * i] >> 3);
		sum.set(cell, (sum.get(cell) || 0) + Math.max(FAINT, 2 ** (-nodes.age[i] / meta.halfLife)) * meta.every);
	}
	const all = [...sum.values()].sort((a, b) => a - b);
	const ref = Math.max(8, all[Math.floor(all.length * .997)] || 8);
	let k = 1;
	for (let i = 0; i < 40; i++)
		k -= (((k + 4) * k + 6) * k + 4 - ref) / ((3 * k + 8) * k + 6);
	return { k, per: 1 / Math.log2(1 + k * ref) };
}

/* ---- lights, by WebGL2 ----------------------------------------------------------- */

const VERTEX = `#version 300 es
in vec2 p; in float age; in vec3 c; in uint r; in uvec2 seen;
uniform vec4 view; uniform float now, halfLife, cutoff, size, gain, past, stepS; uniform int only;
out vec4 v;
int top(uint m) {
	int b = 0;
	for (int s = 16; s > 0; s /= 2) if (m >> uint(s) != 0u) { b += s; m >>= uint(s); }
	return b;
}
float then() {
	int s = min(63, int(past));
	uint lo = seen.x & (s > 30 ? 0xffffffffu : (1u << uint(s + 1)) - 1u);
	uint hi = s < 32 ? 0u : seen.y & (s > 62 ? 0xffffffffu : (1u << uint(s - 31)) - 1u);
	int last = hi != 0u ? 32 + top(hi) : lo != 0u ? top(lo) : -1;
	return last < 0 ? 0. : exp2(-max(0., past - float(last) - 1.) * stepS / halfLife);
}
void main() {
	float a = age + now, w = past >= 0. ? then() : a > cutoff ? 0. : exp2(-a / halfLife);
	w *= gain;
	if (only >= 0 && uint(only) != r) w *= .003;
	v = vec4(pow(c, vec3(2.2)), 1.) * w;
	gl_Position = vec4(p * view.xy + view.zw, 0., 1.);
	gl_PointSize = size;
}`;
const SPLAT = `#version 300 es
precision highp float; uniform bool cell; in vec4 v; out vec4 o;
void main() { vec2 d = gl_PointCoord * 2. - 1.; float f = cell ? 1. : max(0., 1. - dot(d, d)); o = v * f * f; }`;
const SCREEN = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1., 0., 1.); }`;
const TONE = `#version 300 es
precision highp float; uniform sampler2D plate; uniform vec2 box; uniform float k, per, glow, power, bloom; out vec4 o;
vec3 shine(vec4 s) {
	if (s.a < 1e-4) return vec3(0.);
	float t = min(1., log2(1. + k * s.a) * per);
	vec3 v = s.rgb / s.a * pow(t, power);
	float y = dot(v, vec3(.2126, .7152, .0722)), hot = max(0., (t - .72) / .28);
	v = max(vec3(0.), y + 1.45 * (v - y));
	return v + (t - v) * .55 * hot * hot;
}
vec3 soft(vec2 at, float level) {
	vec2 d = exp2(level) / box * .7; vec3 sum = vec3(0.);
	for (int y = -1; y <= 1; y++) for (int x = -1; x <= 1; x++)
		sum += shine(textureLod(plate, at + d * vec2(x, y), level)) *
			(x == 0 ? 2. : 1.) * (y == 0 ? 2. : 1.);
	return sum / 16.;
}
void main() {
	vec2 at = gl_FragCoord.xy / box;
	vec3 v = shine(textureLod(plate, at, 0.));
	for (float l = 2.; l < 6.; l++) v += soft(at, l + glow) * bloom * pow(.72, l - 2.);
	float most = max(v.r, max(v.g, v.b));
	v *= 1.7 / (1. + 1.53 * most);
	o = vec4(mix(12.92 * v, 1.055 * pow(v, vec3(1. / 2.4)) - .055, step(.0031308, v)), 1.);
}`;

function program(gl, vertex, fragment) {
	const p = gl.createProgram(), known = {};
	for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
		const s = gl.createShader(kind);
		gl.shaderSource(s, text); gl.compileShader(s); gl.attachShader(p, s);
	}
	gl.linkProgram(p);
	if (!gl.getProgramParameter(p, gl.LINK_STATUS))
		throw new Error(gl.getProgramInfoLog(p));
	return { p, at: name => known[name] ??= gl.getUniformLocation(p, name) };
}

/* Where a space's points lie and the tone they need, again for each set of nodes. */
function cloudOf(gl, splat, where) {
	const vao = gl.createVertexArray(), buffers = [];
	gl.bindVertexArray(vao);
	for (const [name, data, n, type, unit] of [['p', where.xy, 2, gl.UNSIGNED_SHORT, false],
			['age', nodes.age, 1, gl.FLOAT, false], ['c', nodes.rgb, 3, gl.UNSIGNED_BYTE, true],
			['r', nodes.rank, 1, gl.UNSIGNED_INT], ['seen', nodes.seen, 2, gl.UNSIGNED_INT]]) {
		const at = gl.getAttribLocation(splat.p, name);
		buffers.push(gl.createBuffer());
		gl.bindBuffer(gl.ARRAY_BUFFER, buffers.at(-1));
		gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
		gl.enableVertexAttribArray(at);
		if (type === gl.UNSIGNED_INT)
			gl.vertexAttribIPointer(at, n, type, 0, 0);
		else
			gl.vertexAttribPointer(at, n, type, unit, 0, 0);
	}
	return { vao, tone: tone(where), drop: () => { buffers.forEach(b => gl.deleteBuffer(b)); gl.deleteVertexArray(vao); } };
}

function glPainter() {
	const gl = lights.getContext('webgl2', { alpha: false, antialias: false, depth: false });
	if (!gl || !gl.getExtension('EXT_color_buffer_float') && !gl.getExtension('EXT_color_buffer_half_float'))
		return null;
	const splat = program(gl, VERTEX, SPLAT), screen = program(gl, SCREEN, TONE);
	const blank = gl.createVertexArray(), clouds = new Map(), target = gl.createFramebuffer();
	let plate, w = 0, h = 0, of = null;
	const resize = (width, height) => {
		gl.deleteTexture(plate);
		plate = gl.createTexture();
		[w, h] = [width, height];
		gl.bindTexture(gl.TEXTURE_2D, plate);
		gl.texStorage2D(gl.TEXTURE_2D, 1 + Math.floor(Math.log2(Math.max(w, h))), gl.RGBA16F, w, h);
		gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
		gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
		gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
		gl.bindFramebuffer(gl.FRAMEBUFFER, target);
		gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, plate, 0);
	};
	return (width, height, ratio) => {
		if (of !== nodes) {
			clouds.forEach(c => c.drop());
			clouds.clear();
			of = nodes;
		}
		if (!clouds.has(view))
			clouds.set(view, cloudOf(gl, splat, spot()));
		if (w !== width || h !== height)
			resize(width, height);
		const { vao, tone: t } = clouds.get(view), cell = view === spaces.square;
		const k = view.k * ratio, scale = k * SUB;
		const size = cell ? Math.max(1, Math.ceil(scale)) : 2 * Math.max(1.5, Math.min(6, 1.15 * scale));
		/* a cell then counts nodes per pixel of 1080p, at any zoom; where several share a pixel, their mean */
		const gain = meta.every * (cell ? Math.min(1, scale * scale) : scale * scale / (Math.PI * size * size / 12));
		/* a point's middle; a cell's is half a cell further */
		const half = cell ? SUB / 2 : 0;
		gl.viewport(0, 0, w, h);
		gl.bindFramebuffer(gl.FRAMEBUFFER, target);
		gl.clearColor(0, 0, 0, 0);
		gl.clear(gl.COLOR_BUFFER_BIT);
		gl.enable(gl.BLEND);
		gl.blendFunc(gl.ONE, gl.ONE);
		gl.useProgram(splat.p);
		gl.bindVertexArray(vao);
		gl.uniform4f(splat.at('view'), 2 * k / w, -2 * k / h,
			(view.ox - (view.x - half) * view.k) * 2 * ratio / w - 1,
			1 - (view.oy - (view.y - half) * view.k) * 2 * ratio / h);
		gl.uniform1f(splat.at('now'), passed());
		gl.uniform1f(splat.at('past'), past === null ? -1 : past);
		gl.uniform1f(splat.at('stepS'), stepS);
		gl.uniform1f(splat.at('halfLife'), past === null ? meta.halfLife : halfPast);
		gl.uniform1f(splat.at('cutoff'), meta.cutoff);
		gl.uniform1f(splat.at('size'), size);
		gl.uniform1f(splat.at('gain'), gain);
		gl.uniform1i(splat.at('only'), only);
		gl.uniform1i(splat.at('cell'), cell ? 1 : 0);
		gl.drawArrays(gl.POINTS, 0, nodes.n);
		gl.bindFramebuffer(gl.FRAMEBUFFER, null);
		gl.disable(gl.BLEND);
		gl.bindTexture(gl.TEXTURE_2D, plate);
		gl.generateMipmap(gl.TEXTURE_2D);
		gl.useProgram(screen.p);
		gl.bindVertexArray(blank);
		gl.uniform2f(screen.at('box'), w, h);
		gl.uniform1f(screen.at('k'), t.k);
		gl.uniform1f(screen.at('per'), t.per);
		gl.uniform1f(screen.at('power'), view.power);
		gl.uniform1f(screen.at('bloom'), view.glow);
		gl.uniform1f(screen.at('glow'), Math.log2(Math.max(1, h / 1080)));
		gl.drawArrays(gl.TRIANGLES, 0, 3);
		return painted(gl);
	};
}

/* Settled when what was asked of @gl so far has been done. */
function painted(gl) {
	const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
	gl.flush();
	return new Promise(done => {
		const look = () => {
			if (fence && !gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED)
				return setTimeout(look, 8);
			gl.deleteSync(fence);
			done();
		};
		setTimeout(look);
	});
}

/* ---- without WebGL2 ----------------------------------------------------------------- */

function flatContext() {
	if (!lights.getContext('2d')) {
		/* it gave a WebGL2 context that cannot do what is needed, and gives no other */
		const fresh = lights.cloneNode();
		lights.replaceWith(fresh);
		lights = fresh;
	}
	return lights.getContext('2d');
}

/* The same light of fifty thousand nodes, summed up here, without a glow. */
function flatPainter() {
	const g = flatContext(), tones = new Map();
	const linear = Float32Array.from({ length: 256 }, (_, i) => (i / 255) ** 2.2);
	let of = null;
	return (width, height, ratio) => {
		if (of !== nodes)
			tones.clear();
		of = nodes;
		if (!tones.has(view))
			tones.set(view, tone(spot()));
		const { k: bend, per } = tones.get(view), { xy } = spot(), step = Math.ceil(nodes.n / 50000);
		const plate = new Float32Array(4 * width * height), picture = g.createImageData(width, height);
		const t = passed(), k = view.k * ratio, scale = k * SUB;
		const gain = meta.every * step * (view === spaces.square ? Math.max(1, scale) : scale) * scale;
		for (let i = 0; i < nodes.n; i += step) {
			const x = (xy[2 * i] - view.x) * k + view.ox * ratio - .5;
			const y = (xy[2 * i + 1] - view.y) * k + view.oy * ratio - .5;
			const w = weight(i, t) * gain * (only >= 0 && only !== nodes.rank[i] ? .003 : 1);
			const px = Math.floor(x), py = Math.floor(y);
			if (w <= 0 || px < 0 || py < 0 || px + 1 >= width || py + 1 >= height)
				continue;
			for (let tap = 0; tap < 4; tap++) {
				const dx = tap & 1, dy = tap >> 1, at = 4 * ((py + dy) * width + px + dx);
				const part = w * (dx ? x - px : 1 - x + px) * (dy ? y - py : 1 - y + py);
				for (let c = 0; c < 3; c++)
					plate[at + c] += part * linear[nodes.rgb[3 * i + c]];
				plate[at + 3] += part;
			}
		}
		for (let at = 0; at < plate.length; at += 4) {
			const sum = plate[at + 3];
			picture.data[at + 3] = 255;
			if (!sum)
				continue;
			const level = Math.min(1, Math.log2(1 + bend * sum) * per);
			for (let c = 0; c < 3; c++) {
				const v = plate[at + c] / sum * level ** view.power;
				picture.data[at + c] = 255 * Math.min(1, 1.7 * v / (1 + v)) ** (1 / 2.2);
			}
		}
		g.putImageData(picture, 0, 0);
	};
}

/* A constellation: a star per node, as large and opaque as it is recent, ringed while it is new. */
function starPainter() {
	const g = flatContext();
	return (width, height, ratio) => {
		const { xy } = spot(), t = passed(), half = Math.max(30, past === null ? meta.halfLife : halfPast);
		const order = Array.from({ length: nodes.n }, (_, i) => i).sort((a, b) => nodes.age[b] - nodes.age[a]);
		g.setTransform(1, 0, 0, 1, 0, 0);
		g.fillStyle = '#000';
		g.fillRect(0, 0, width, height);
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		for (const i of order) {
			const w = past === null ? (nodes.age[i] + t > meta.cutoff ? 0 : 2 ** (-(nodes.age[i] + t) / half)) : weight(i, t);
			if (!w || only >= 0 && only !== nodes.rank[i])
				continue;
			const s = w ** .9, x = (xy[2 * i] - view.x) * view.k + view.ox, y = (xy[2 * i + 1] - view.y) * view.k + view.oy;
			const [r, gr, b] = nodes.networks[nodes.rank[i]].rgb, radius = 1.3 + 3.9 * s, opacity = .06 + .92 * s;
			const disc = radius => { g.beginPath(); g.arc(x, y, radius, 0, 7); };
			disc(radius);
			g.fillStyle = `rgb(${r} ${gr} ${b} / ${opacity})`;
			g.fill();
			g.strokeStyle = `rgb(${r} ${gr} ${b} / ${Math.min(1, opacity + .1)})`;
			g.lineWidth = .6;
			g.stroke();
			if (past === null && nodes.age[i] + t <= 180) {
				disc(radius + 2);
				g.strokeStyle = `rgb(255 255 255 / ${Math.min(1, opacity + .25) * .6})`;
				g.lineWidth = 1.4;
				g.stroke();
			}
		}
	};
}

/* ---- ground ------------------------------------------------------------------------ */

function drawLand(g, ratio, k) {
	g.fillStyle = '#131924';
	g.fill(land, 'evenodd');
	g.strokeStyle = '#3a485e';
	g.lineWidth = .7 * ratio / k;
	g.stroke(land);
	const fade = g.createLinearGradient(0, FADE, 0, SOUTH);
	fade.addColorStop(0, '#05070b00');
	fade.addColorStop(1, '#05070b');
	g.fillStyle = fade;
	g.fillRect(-WIDTH, FADE, 3 * WIDTH, 3 * WIDTH);
}

/* Blocks that nobody may use, the net of /8 blocks and their numbers. */
function drawSquare(g, ratio, k) {
	const block = SIDE / 16, size = Math.min(block * .3, 12 * ratio / k);
	g.fillStyle = '#070a10';
	g.fillRect(0, 0, SIDE, SIDE);
	g.font = `${size}px Inter, system-ui, sans-serif`;
	for (let b = 0; b < 256; b++) {
		const [cx, cy] = hilbert(b << 12), x = (cx >> 6) * block, y = (cy >> 6) * block;
		if (b === 0 || b === 10 || b === 127 || b > 223) {
			g.fillStyle = '#151a23';
			g.fillRect(x, y, block, block);
		}
		g.strokeStyle = '#ffffff12';
		g.lineWidth = ratio / k;
		g.strokeRect(x, y, block, block);
		g.fillStyle = b > 223 ? '#8391a6a0' : '#f5f7ffd0';
		g.fillText(b, x + size * .4, y + size * 1.15);
	}
}

function drawGround(width, height, ratio) {
	const g = ground.getContext('2d'), k = view.k * ratio;
	g.setTransform(1, 0, 0, 1, 0, 0);
	g.fillStyle = '#05070b';
	g.fillRect(0, 0, width, height);
	g.setTransform(k, 0, 0, k, view.ox * ratio - view.x * k, view.oy * ratio - view.y * k);
	(view === spaces.map ? drawLand : drawSquare)(g, ratio, k);
}

/* ---- the view ------------------------------------------------------------------------ */

/* What the furniture leaves free, and how the space fits into it. */
function fit() {
	const phone = innerWidth <= 720, w = innerWidth, h = innerHeight, square = view === spaces.square;
	const top = phone ? 126 : 16, bottom = phone ? h - $('legend').offsetTop + 8 : 112;
	const room = h - top - bottom, tall = view.bottom - view.top, wide = view.right - view.left;
	const whole = Math.min((square && !phone ? w - 2 * 290 : w) / wide, room / tall);
	view.ox = w / 2;
	view.oy = top + room / 2;
	view.least = Math.max(whole, .2 * room / tall);
	/* upright, all of the world is a ribbon: show what is twice as large and can be moved */
	view.rest = phone && !square ? Math.max(whole, Math.min(room / tall, 2 * w / wide)) :
		Math.min(meta.constellation ? whole * 3 / 2.75 : whole, room / tall);
	view.most = 10 * Math.max(whole, 1 / SUB); /* a city, a few /20; nodes are known no nearer */
	if (!view.moved)
		Object.assign(view, { k: view.rest, x: (view.left + view.right) / 2, y: (view.top + view.bottom) / 2 });
	clampView();
}

function clampView() {
	view.k = Math.min(view.most, Math.max(view.least, view.k));
	view.x = Math.min(view.right, Math.max(view.left, view.x));
	view.y = Math.min(view.bottom, Math.max(view.top, view.y));
}

function zoom(by, x = view.ox, y = view.oy) {
	const k = Math.min(view.most, Math.max(view.least, view.k * by));
	view.x += (x - view.ox) * (1 / view.k - 1 / k);
	view.y += (y - view.oy) * (1 / view.k - 1 / k);
	view.k = k;
	view.moved = k > view.least * 1.001 || innerWidth <= 720;
	if (!view.moved)
		Object.assign(view, { x: (view.left + view.right) / 2, y: (view.top + view.bottom) / 2 });
	clampView();
	redraw();
}

function move(dx, dy) {
	view.x -= dx / view.k;
	view.y -= dy / view.k;
	view.moved = true;
	clampView();
	redraw();
}

function show(space) {
	if (space === 'square' && !meta.square)
		return;
	view = spaces[space];
	for (const s of Object.keys(spaces))
		$('tab-' + s).setAttribute('aria-selected', String(s === space));
	document.body.classList.toggle('square', space === 'square');
	tip.style.display = 'none';
	fit();
	redraw();
}

function draw() {
	wanted = false;
	const ratio = Math.min(devicePixelRatio || 1, 2);
	const w = Math.round(innerWidth * ratio), h = Math.round(innerHeight * ratio);
	for (const c of [ground, lights])
		if (c.width !== w || c.height !== h)
			[c.width, c.height] = [w, h];
	drawGround(w, h, ratio);
	const begun = performance.now(), done = paint(w, h, ratio);
	chart(ratio);
	painting = done && done.then(() => {
		painting = null;
		rest = performance.now() + 4 * (performance.now() - begun);
	});
}

/* One frame after the other, each with the latest that was wanted: where there is no GPU they
 * would queue up, and the page would hear nobody while it waits. */
function redraw() {
	if (wanted)
		return;
	wanted = true;
	if (painting)
		painting.then(() => requestAnimationFrame(draw));
	else
		requestAnimationFrame(draw);
}

/* ---- the past ------------------------------------------------------------------------- */

const PLAY = '<svg width="14" height="14" viewBox="0 0 14 14"><path d="M3 1l10 6-10 6z"/></svg>';
const PAUSE = '<svg width="14" height="14" viewBox="0 0 14 14"><path d="M2 1h4v12H2zM8 1h4v12H8z"/></svg>';
const SECONDS = 20; /* for all of the past */

function go(to) {
	past = to >= meta.steps ? null : Math.max(0, to);
	$('when').value = past === null ? meta.steps : past;
	$('when').setAttribute('aria-valuetext', new Date(instant() * 1000).toUTCString());
	count();
	redraw();
}

function play(on) {
	cancelAnimationFrame(playing);
	playing = 0;
	$('play').innerHTML = on ? PAUSE : PLAY;
	$('play').setAttribute('aria-label', on ? 'Pause' : 'Play the last hours');
	if (!on)
		return;
	let before = performance.now(), at = past === null ? 0 : past;
	const next = now => {
		at += (now - before) / 1000 / SECONDS * meta.steps;
		before = now;
		go(at);
		if (past === null)
			return play(false);
		playing = requestAnimationFrame(next);
	};
	go(at);
	playing = requestAnimationFrame(next);
}

/* How many were seen in each step; what lies before the instant is bright. */
function chart(ratio) {
	const c = $('chart'), w = Math.round(c.clientWidth * ratio), h = Math.round(c.clientHeight * ratio);
	if (c.width !== w || c.height !== h)
		[c.width, c.height] = [w, h];
	const g = c.getContext('2d'), most = Math.max(1, ...nodes.per), at = past === null ? meta.steps : past;
	g.clearRect(0, 0, w, h);
	for (let k = 0; k < meta.steps; k++) {
		const tall = Math.max(ratio, nodes.per[k] / most * (h - 2 * ratio));
		g.fillStyle = k < at ? '#7f93b5' : '#2a3444';
		g.fillRect(k * w / meta.steps, h - tall, w / meta.steps - ratio, tall);
	}
	g.fillStyle = '#f5f7ff';
	g.fillRect(Math.min(w - 2 * ratio, at * w / meta.steps), 0, 2 * ratio, h);
}

/* ---- words --------------------------------------------------------------------------- */

const figure = n => n.toLocaleString('en-US');
const put = (parent, tag, text) => {
	const e = document.createElement(tag);
	if (text !== undefined)
		e.textContent = text;
	parent.append(e);
	return e;
};
const long = s => s < 120 ? Math.round(s) + ' s' : s < 7200 ? +(s / 60).toFixed(1) + ' min' : +(s / 3600).toFixed(1) + ' h';

function sources() {
	const foot = $('sources');
	foot.replaceChildren();
	for (const part of meta.attribution.split(/(db-ip\.com)/)) {
		if (part !== 'db-ip.com') {
			foot.append(part);
			continue;
		}
		const a = put(foot, 'a', part);
		a.href = 'https://db-ip.com';
		a.rel = 'noopener noreferrer';
	}
	foot.append((meta.attribution ? ' · ' : '') + 'Map: Natural Earth');
	if (meta.constellation)
		foot.append(' · Color = network · Opacity & size = recency');
	if (meta.every > 1)
		foot.append(` · 1 of ${meta.every} nodes drawn`);
	if (meta.synthetic) {
		foot.append(' · ');
		put(foot, 'b', 'SYNTHETIC SAMPLE');
	}
}

function legend() {
	let row = 0;
	$('rows').replaceChildren();
	for (let rank = 0; rank < meta.networks && row < 10; rank++) {
		if (!nodes.networks[rank].asn)
			continue;
		const b = put(put($('rows'), 'li'), 'button');
		put(b, 'span', nameOf(rank));
		put(b, 'span');
		b.type = 'button';
		b.dataset.rank = rank;
		b.title = 'AS' + nodes.networks[rank].asn;
		b.style.setProperty('--hue', `rgb(${nodes.networks[rank].rgb.join(' ')})`);
		b.onclick = () => choose(only === rank ? -1 : rank);
		row++;
	}
}

function words() {
	$('title').textContent = meta.title;
	$('from').textContent = long(meta.cutoff) + ' ago';
	$('to').textContent = live ? 'now' : 'written';
	$('tab-square').hidden = !meta.square;
	$('when').max = meta.steps;
	sources();
	legend();
	choose(only);
	count();
}

function choose(rank) {
	only = rank;
	$('legend').classList.toggle('one', only >= 0);
	for (const b of $('rows').querySelectorAll('button'))
		b.setAttribute('aria-pressed', String(+b.dataset.rank === only));
	redraw();
}

function count() {
	const t = passed(), per = new Uint32Array(meta.networks);
	let lit = 0;
	for (let i = 0; i < nodes.n; i++)
		if (alight(i, t)) {
			lit += meta.every;
			per[nodes.rank[i]] += meta.every;
		}
	$('nodes').textContent = figure(lit);
	/* of a tab that stands behind others, too */
	document.title = figure(lit) + ' nodes · ' + meta.title;
	$('aside').textContent = past !== null ?
		'nodes alight, by ' + (meta.log ? 'sightings' : 'first and last sight') :
		(meta.constellation ? 'nodes shown' : 'nodes alight') + (meta.unlocated ? ` · ${figure(meta.unlocated)} unlocated` : '') +
		(perSecond ? ` · ${figure(perSecond)} seen a second` : '');
	$('what').textContent = 'BitTorrent Mainline DHT · ' +
		(past !== null ? 'past' : gone ? 'server gone' : live ? 'live' : 'snapshot') + '\u00a0· half-life\u00a0' + long(past !== null ? halfPast : meta.halfLife);
	const rows = [...$('rows').querySelectorAll('button')];
	const most = Math.max(1, ...rows.map(b => per[b.dataset.rank]));
	for (const b of rows) {
		b.lastChild.textContent = figure(per[b.dataset.rank]);
		b.style.setProperty('--part', 100 * per[b.dataset.rank] / most + '%');
	}
	const when = new Date(instant() * 1000).toISOString();
	$('time').textContent = when.slice(11, 16);
	$('date').textContent = when.slice(0, 10) + ' UTC';
}

/* Who shines around a point of the page. */
function around(px, py) {
	const reach = 13 / view.k, cx = (px - view.ox) / view.k + view.x, cy = (py - view.oy) / view.k + view.y;
	const found = new Map(), t = passed(), { xy, start, order } = spot();
	const half = view === spaces.square ? SUB / 2 : 0;
	let all = 0;
	const lo = (v, most) => Math.max(0, Math.min(most - 1, Math.floor(v / CELL)));
	for (let row = lo(cy - reach, ROWS); row <= lo(cy + reach, ROWS); row++)
		for (let col = lo(cx - reach, COLUMNS); col <= lo(cx + reach, COLUMNS); col++)
			for (let j = start[row * COLUMNS + col]; j < start[row * COLUMNS + col + 1]; j++) {
				const i = order[j], dx = xy[2 * i] + half - cx, dy = xy[2 * i + 1] + half - cy;
				if (dx * dx + dy * dy > reach * reach || !alight(i, t) || only >= 0 && nodes.rank[i] !== only)
					continue;
				found.set(nodes.rank[i], (found.get(nodes.rank[i]) || 0) + meta.every);
				all += meta.every;
			}
	return { all, list: [...found].sort((a, b) => b[1] - a[1] || a[0] - b[0]) };
}

/* The /8 block under a point, "" outside of the square. */
function blockAt(px, py) {
	const x = Math.floor(((px - view.ox) / view.k + view.x) * 16 / SIDE);
	const y = Math.floor(((py - view.oy) / view.k + view.y) * 16 / SIDE);
	for (let b = 0; view === spaces.square && b < 256; b++) {
		const [cx, cy] = hilbert(b << 12);
		if (cx >> 6 === x && cy >> 6 === y)
			return b + '/8 · ';
	}
	return '';
}

function hover(px, py) {
	const { all, list } = around(px, py);
	tip.replaceChildren();
	tip.style.display = all ? 'block' : 'none';
	if (!all)
		return;
	put(put(tip, 'p'), 'em', `${blockAt(px, py)}${figure(all)} node${all > 1 ? 's' : ''}, ` +
		`${figure(list.length)} network${list.length > 1 ? 's' : ''}`);
	for (const [rank, n] of list.slice(0, 5)) {
		const p = put(tip, 'p');
		put(p, 'i').style.background = `rgb(${nodes.networks[rank].rgb.join(' ')})`;
		const asn = nodes.networks[rank].asn;
		put(p, 'span', nameOf(rank));
		if (meta.names[rank] && asn)
			put(p, 'em', 'AS' + asn);
		put(p, 'em', figure(n));
	}
	const box = tip.getBoundingClientRect();
	tip.style.left = Math.max(8, px + 18 + box.width > innerWidth ? px - 18 - box.width : px + 18) + 'px';
	tip.style.top = Math.max(8, Math.min(innerHeight - box.height - 8, py - box.height / 2)) + 'px';
}

/* ---- hands ----------------------------------------------------------------------------- */

function pointers() {
	const held = new Map();
	let apart = 0;
	const spread = () => {
		const [a, b] = [...held.values()];
		return Math.hypot(a.x - b.x, a.y - b.y) || 1;
	};
	lights.onpointerdown = e => {
		lights.setPointerCapture(e.pointerId);
		held.set(e.pointerId, { x: e.clientX, y: e.clientY });
		apart = held.size === 2 ? spread() : 0;
		lights.classList.add('held');
		hover(e.clientX, e.clientY);
	};
	lights.onpointermove = e => {
		const was = held.get(e.pointerId);
		if (!was)
			return hover(e.clientX, e.clientY);
		held.set(e.pointerId, { x: e.clientX, y: e.clientY });
		if (e.clientX !== was.x || e.clientY !== was.y)
			tip.style.display = 'none';
		move((e.clientX - was.x) / held.size, (e.clientY - was.y) / held.size);
		if (held.size === 2) {
			const [a, b] = [...held.values()], now = spread();
			zoom(now / apart, (a.x + b.x) / 2, (a.y + b.y) / 2);
			apart = now;
		}
	};
	lights.onpointerup = lights.onpointercancel = e => {
		held.delete(e.pointerId);
		if (!held.size)
			lights.classList.remove('held');
	};
	lights.onpointerleave = () => { tip.style.display = 'none'; };
	lights.addEventListener('wheel', e => {
		e.preventDefault();
		zoom(2 ** (-e.deltaY / (e.deltaMode ? 6 : 300)), e.clientX, e.clientY);
	}, { passive: false });
	lights.ondblclick = e => zoom(2, e.clientX, e.clientY);
}

function listen() {
	const step = 80, back = by => { play(false); go((past === null ? meta.steps : past) + by); };
	const keys = {
		ArrowLeft: () => move(step, 0), ArrowRight: () => move(-step, 0),
		ArrowUp: () => move(0, step), ArrowDown: () => move(0, -step),
		'+': () => zoom(1.5), '=': () => zoom(1.5), '-': () => zoom(1 / 1.5),
		0: () => { view.moved = false; fit(); redraw(); }, Escape: () => choose(-1),
		' ': () => play(!playing), '[': () => back(-1), ']': () => back(1),
		m: () => show('map'), a: () => show('square'),
	};
	pointers();
	addEventListener('keydown', e => {
		const slider = e.target === $('when') && e.key.startsWith('Arrow');
		const button = e.target.tagName === 'BUTTON' && e.key === ' ';
		if (!keys[e.key] || slider || button || e.ctrlKey || e.metaKey || e.altKey)
			return;
		e.preventDefault();
		keys[e.key]();
		if (e.key.startsWith('Arrow') || '+=-0'.includes(e.key))
			hover(view.ox, view.oy);
	});
	addEventListener('resize', () => { fit(); redraw(); });
	for (const s of Object.keys(spaces))
		$('tab-' + s).onclick = () => show(s);
	$('play').onclick = () => play(!playing);
	$('when').oninput = e => { play(false); go(+e.target.value); };
}

/* ---- once, and again ------------------------------------------------------------------ */

/* What one looks at outlives a reload: in the fragment, which goes nowhere. */
function keep() {
	location.replace('#' + [view.moved ? [view.x, view.y].map(Math.round) + ',' + view.k.toPrecision(5) : ',,',
		only >= 0 ? nodes.networks[only].asn : '', view === spaces.square ? 'a' : ''].join(','));
}

function recall() {
	const [x, y, k, asn, space] = location.hash.slice(1).split(',');
	if (space === 'a' && meta.square)
		view = spaces.square;
	if (+k > 0 && isFinite(x) && isFinite(y))
		Object.assign(view, { x: +x, y: +y, k: +k, moved: true });
	if (asn)
		only = nodes.networks.findIndex(n => n.asn === +asn);
}

function again() {
	keep();
	location.reload();
}

/* Newer data, from the file beside the page: it calls this. */
window.dhtTelescope = async (m, base64) => {
	if (!(m.written > meta.written))
		return;
	const fresh = await unpackNodes(m, base64), asn = only >= 0 ? nodes.networks[only].asn : 0;
	m.rings = meta.rings;
	[meta, nodes] = [m, fresh];
	only = asn ? nodes.networks.findIndex(n => n.asn === asn) : -1;
	setTime();
	words();
	redraw();
	document.documentElement.dataset.fresh = m.written;
};

/* A server says when there are newer data, and each second how many lines it streamed by then;
 * a browser reconnects by itself. */
let streamed = null, perSecond = 0, gone = false;
function hear() {
	const events = new EventSource('events');
	events.addEventListener('fresh', ask);
	events.addEventListener('count', e => {
		const { lines } = JSON.parse(e.data);
		perSecond = streamed === null ? 0 : Math.max(0, lines - streamed);
		streamed = lines;
		document.documentElement.dataset.perSecond = perSecond;
	});
	events.onopen = () => { document.documentElement.dataset.served = 'yes'; gone = false; count(); };
	events.onerror = () => { gone = true; streamed = null; perSecond = 0; count(); };
}

/* A script may come from beside a page of file:// where a fetch may not. */
function ask() {
	const s = document.createElement('script');
	s.onload = () => { s.remove(); if (!meta.served) setTimeout(look, meta.refresh * 1000); };
	s.onerror = () => { s.remove(); if (live && !meta.served) again(); };
	s.src = meta.sidecar + '?' + Date.now();
	document.head.append(s);
}

function look() {
	if (document.visibilityState !== 'visible')
		addEventListener('visibilitychange', look, { once: true });
	else if (meta.sidecar)
		ask();
	else if (live)
		again();
}

async function main() {
	if (typeof DecompressionStream === 'undefined')
		throw new Error('This browser is too old to unpack the page (it needs DecompressionStream).');
	setTime();
	await unpackLand($('land').textContent);
	nodes = await unpackNodes(meta, $('data').textContent);
	$('land').remove();
	$('data').remove();
	recall();
	words();
	play(false);
	try {
		paint = meta.constellation ? starPainter() : glPainter();
	} catch (e) {
		console.warn('WebGL2: ' + e.message);
	}
	document.documentElement.dataset.painter = meta.constellation ? 'stars' : paint ? 'webgl2' : 'flat';
	paint = paint || flatPainter();
	show(view === spaces.square ? 'square' : 'map');
	draw();
	listen();
	/* nodes fade; painting that takes long takes a fifth of the time */
	setInterval(() => {
		if (!live || past !== null)
			return;
		count();
		if (!painting && performance.now() > rest)
			redraw();
	}, 1000);
	if (meta.served)
		hear();
	else if (meta.refresh)
		setTimeout(look, meta.refresh * 1000);
}

main().catch(e => { put(document.body, 'p', e.message).id = 'wrong'; });
