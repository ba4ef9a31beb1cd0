/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "proto/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/json_check.h"

/*
 * The input is a script of calls with hostile strings, sensible or not. What
 * json_finish() calls finished is one JSON text in valid UTF-8, within its
 * buffer and ended by a NUL; everything else is refused and leaves nothing.
 */

enum { BUFFER_MAX = 4096, KEY_MAX = 32 };

struct script {
	const uint8_t *p, *end;
};

static uint8_t next(struct script *s)
{
	return s->p < s->end ? *s->p++ : 0;
}

static struct span next_bytes(struct script *s, size_t most)
{
	size_t len = next(s) % (most + 1), left = (size_t)(s->end - s->p);
	struct span bytes = span_of(s->p, len < left ? len : left);

	s->p += bytes.len;
	return bytes;
}

static double next_double(struct script *s)
{
	struct span bytes = next_bytes(s, sizeof(double));
	double v = 0;

	if (bytes.len)
		memcpy(&v, bytes.ptr, bytes.len);
	return v;
}

static void call_key(struct json *j, struct script *s)
{
	struct span bytes = next_bytes(s, KEY_MAX);
	char key[KEY_MAX + 1] = { 0 };

	if (bytes.len)
		memcpy(key, bytes.ptr, bytes.len);
	json_key(j, key);
}

static void call(struct json *j, struct script *s)
{
	switch (next(s) % 12) {
	case 0:
		json_object_begin(j);
		break;
	case 1:
		json_object_end(j);
		break;
	case 2:
		json_array_begin(j);
		break;
	case 3:
		json_array_end(j);
		break;
	case 4:
	case 5:
		call_key(j, s);
		break;
	case 6:
		json_double(j, next_double(s));
		break;
	case 7:
		json_i64(j, (int8_t)next(s));
		break;
	case 8:
		json_bool(j, next(s) & 1);
		break;
	case 9:
		json_cstring(j, NULL);
		break;
	default:
		json_string(j, next_bytes(s, 255));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s = { data, data + (size ? size : 0) };
	size_t cap = (size_t)next(&s) << 4 | (next(&s) & 15);
	bool pretty = next(&s) & 1;
	char *buf = malloc(BUFFER_MAX);
	struct json j;
	int len;

	FUZZ_HOLDS(buf);
	memset(buf, 'x', BUFFER_MAX);
	json_init(&j, buf, cap, pretty);
	while (s.p < s.end)
		call(&j, &s);
	len = json_finish(&j);
	for (size_t i = cap; i < BUFFER_MAX; i++)
		FUZZ_HOLDS(buf[i] == 'x');
	if (len > 0) {
		FUZZ_HOLDS((size_t)len < cap && buf[len] == '\0' && strlen(buf) == (size_t)len);
		FUZZ_HOLDS(json_check(buf, (size_t)len));
	} else {
		FUZZ_HOLDS(len == DT_EFULL || len == DT_EMALF || len == DT_EDEPTH);
		FUZZ_HOLDS(!cap || !buf[0]);
	}
	free(buf);
	return 0;
}
