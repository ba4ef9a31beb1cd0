// SPDX-License-Identifier: MIT
// A page in headless Chromium, driven over its debugging pipe: what streams has no end
// that --dump-dom could wait for.
//
//   node look.mjs PROFILE_DIR URL WIDTHxHEIGHT STEP...
//
// STEP: a number = wait so many milliseconds; *.png = a picture; else an expression
// whose value (a promise's, too) is printed as a line of JSON.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [profile, url, size, ...steps] = process.argv.slice(2);
const [width, height] = size.split('x').map(Number);
const chrome = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--enable-unsafe-swiftshader',
	'--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
	'--disable-sync', `--user-data-dir=${profile}`, `--window-size=${width},${height}`, '--remote-debugging-pipe',
	'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const waiting = new Map();
let id = 0, rest = '';

chrome.stdio[4].on('data', data => {
	const parts = (rest + data).split('\0');
	rest = parts.pop();
	for (const part of parts) {
		const m = JSON.parse(part);
		waiting.get(m.id)?.(m);
		waiting.delete(m.id);
	}
});

const ask = (method, params = {}, sessionId) => new Promise((done, failed) => {
	waiting.set(++id, m => m.error ? failed(new Error(`${method}: ${m.error.message}`)) : done(m.result));
	chrome.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
});
const end = setTimeout(() => { console.error('look.mjs: 60 s are over'); chrome.kill(); process.exit(1); }, 60000);

try {
	const { targetId } = await ask('Target.createTarget', { url: 'about:blank' });
	const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
	await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 }, sessionId);
	await ask('Page.navigate', { url }, sessionId);
	for (const step of steps) {
		if (/^\d+$/.test(step)) {
			await new Promise(done => setTimeout(done, +step));
		} else if (step.endsWith('.png')) {
			const { data } = await ask('Page.captureScreenshot', { format: 'png' }, sessionId);
			writeFileSync(step, Buffer.from(data, 'base64'));
		} else {
			const { result, exceptionDetails } = await ask('Runtime.evaluate',
				{ expression: step, awaitPromise: true, returnByValue: true }, sessionId);
			console.log(JSON.stringify(exceptionDetails ? { threw: exceptionDetails.exception?.description } : result.value));
		}
	}
} catch (e) {
	console.error('look.mjs: ' + e.message);
	process.exitCode = 1;
}
clearTimeout(end);
await ask('Browser.close').catch(() => chrome.kill());
