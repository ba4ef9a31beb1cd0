/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "proto/endpoint.h"
#include "proto/nodekey.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a person types as an endpoint or as a key: refused and left alone, or
 * taken, and then its text form is read as the same value, which is a fixed
 * point: written again it is the same text.
 */

static void check_endpoint(const char *text)
{
	static const struct endpoint untouched = { .addr = { 0xaa, 0x55 }, .port = 0xbeef };
	char once[ENDPOINT_TEXT_MAX], twice[ENDPOINT_TEXT_MAX];
	uint8_t compact[ENDPOINT_COMPACT6];
	struct endpoint e = untouched, back;
	int err = endpoint_from_text(text, &e);

	if (err) {
		FUZZ_HOLDS(err == DT_EMALF || err == DT_ERANGE);
		FUZZ_HOLDS(endpoint_equal(&e, &untouched));
		return;
	}
	endpoint_to_text(&e, once);
	FUZZ_HOLDS(endpoint_from_text(once, &back) == 0 && endpoint_equal(&e, &back));
	FUZZ_HOLDS(strcmp(once, endpoint_to_text(&back, twice)) == 0);
	err = endpoint_from_compact(span_of(compact, (size_t)endpoint_to_compact(&e, compact)),
				    &back);
	FUZZ_HOLDS(err == 0 && endpoint_equal(&e, &back));
}

static void check_key(const char *text)
{
	char once[2 * NODEKEY_BYTES + 1];
	struct nodekey key, back;
	int err = nodekey_from_hex(text, &key);

	if (err) {
		FUZZ_HOLDS(err == DT_EMALF || err == DT_ESIZE);
		return;
	}
	nodekey_to_hex(&key, once);
	FUZZ_HOLDS(strcasecmp(once, text) == 0);
	FUZZ_HOLDS(nodekey_from_hex(once, &back) == 0 && nodekey_equal(&key, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_HOLDS(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_endpoint(text);
	check_key(text);
	free(text);
	return 0;
}
