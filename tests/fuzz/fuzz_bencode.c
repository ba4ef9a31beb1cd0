/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"
#include "tests/fuzz/fuzz.h"

/*
 * The reader ends within len + 1 tokens, all strings lie inside of the input,
 * skipping reads as far as pulling does, and what was read, written again, is
 * the same bytes: there is one way to write each value.
 */

enum { INPUT_MAX = 1 << 16 };

static void put(struct bencode_writer *w, int kind, const struct bencode_token *tok)
{
	switch ((enum bencode_kind)kind) {
	case BENCODE_STRING:
		bencode_put_string(w, tok->bytes);
		break;
	case BENCODE_INT:
		bencode_put_int(w, tok->number);
		break;
	case BENCODE_LIST:
		bencode_put_list(w);
		break;
	case BENCODE_DICT:
		bencode_put_dict(w);
		break;
	case BENCODE_END:
		bencode_put_end(w);
		break;
	case BENCODE_DONE:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct bencode_reader r, skipper;
	struct bencode_writer w;
	struct bencode_token tok = { .number = 0 };
	uint8_t *out;
	size_t tokens = 0, used;
	int kind, skipped;

	if (size > INPUT_MAX)
		return 0;
	out = malloc(size + 1);
	FUZZ_HOLDS(out);
	bencode_writer_init(&w, out, size + 1);
	bencode_reader_init(&r, in);
	while ((kind = bencode_next(&r, &tok)) > 0) {
		FUZZ_HOLDS(++tokens <= size);
		if (kind == BENCODE_STRING)
			FUZZ_HOLDS(tok.bytes.ptr && fuzz_inside(in, tok.bytes));
		put(&w, kind, &tok);
	}
	used = size - bencode_rest(&r).len;
	FUZZ_HOLDS(used <= size);
	bencode_reader_init(&skipper, in);
	skipped = bencode_skip(&skipper);
	if (kind == BENCODE_DONE) {
		FUZZ_HOLDS(span_equal(span_of(data, used), span_of(out, w.len)));
		FUZZ_HOLDS(bencode_finish(&w) == (int)used);
		FUZZ_HOLDS(skipped == 0 && bencode_rest(&skipper).len == size - used);
	} else {
		FUZZ_HOLDS(skipped < 0);
	}
	free(out);
	return 0;
}
