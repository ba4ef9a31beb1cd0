/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"

int bencode_read_int(struct bencode_reader *r, int64_t *out)
{
	const uint8_t *p = r->at + 1;
	uint64_t v = 0, most = INT64_MAX;
	const uint8_t *first;
	bool minus = false;

	if (p < r->end && *p == '-') {
		minus = true;
		most = (uint64_t)INT64_MAX + 1;
		p++;
	}
	for (first = p; p < r->end && (uint8_t)(*p - '0') <= 9; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (p > first && *first == '0')
			return DT_EMALF; /* a leading zero */
		if (v > (most - digit) / 10)
			return DT_ERANGE;
		v = v * 10 + digit;
	}
	if (p == r->end)
		return DT_ESHORT;
	if (*p != 'e' || p == first || (minus && v == 0))
		return DT_EMALF;
	/* 0 - v: the most negative number has no positive twin. */
	*out = (int64_t)(minus ? 0 - v : v);
	r->at = p + 1;
	return 0;
}

int bencode_leave(struct bencode_reader *r)
{
	unsigned inside = r->depth;
	struct bencode_token tok;

	while (r->depth >= inside) {
		int kind = bencode_next(r, &tok);

		if (kind < 0)
			return kind;
	}
	return 0;
}

int bencode_skip(struct bencode_reader *r)
{
	struct bencode_token tok;
	int kind = bencode_next(r, &tok);

	switch (kind) {
	case BENCODE_LIST:
	case BENCODE_DICT:
		return bencode_leave(r);
	case BENCODE_END:
	case BENCODE_DONE:
		return DT_EMALF;
	default:
		return kind < 0 ? kind : 0;
	}
}
