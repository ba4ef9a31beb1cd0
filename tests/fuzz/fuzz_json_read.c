/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "proto/json_read.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/json_check.h"

/*
 * Any bytes. What the reader calls whole is JSON to the tests' own checker, which differs
 * from it in wanting UTF-8; what that one takes, the reader takes but for its depth. Every
 * token lies within the input, every string fits the room it is given.
 */

static bool is_ascii(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] >= 0x80)
			return false;
	return true;
}

static int read_all(struct span in)
{
	struct json_reader r;
	struct json_token t;
	char text[32];
	int rc;

	json_read_init(&r, in);
	while ((rc = json_read_next(&r, &t)) == 0 && t.kind != JSON_DONE) {
		FUZZ_HOLDS(fuzz_inside(in, t.raw));
		FUZZ_HOLDS(json_read_offset(&r) <= in.len);
		if (t.kind == JSON_KEY || t.kind == JSON_STRING) {
			size_t cap = 1 + t.raw.len % sizeof(text);

			FUZZ_HOLDS(strlen(json_read_text(&t, text, cap)) < cap);
		}
		if (t.kind == JSON_NUMBER)
			FUZZ_HOLDS(!isinf(json_read_double(&t)));
	}
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int rc = read_all(span_of(data, size));
	bool checked = json_check((const char *)data, size);

	FUZZ_HOLDS(rc == 0 || !checked || rc == DT_EDEPTH);
	FUZZ_HOLDS(rc != 0 || checked || !is_ascii(data, size));
	return 0;
}
