/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"

static int read_int(struct bencode_reader *r, int64_t *out)
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

/* A value stands complete: the dictionary around it, if it is one, is owed nothing now. */
static void value_done(struct bencode_reader *r)
{
	r->due ^= r->dicts & 1;
	if (r->depth == 0) {
		r->done = true;
		r->tokens_left = 0;
	}
}

static int open_container(struct bencode_reader *r, bool dict)
{
	if (r->depth == BENCODE_DEPTH_MAX)
		return DT_EDEPTH;
	r->depth++;
	r->dicts = r->dicts << 1 | dict;
	r->due <<= 1;
	r->at++;
	return dict ? BENCODE_DICT : BENCODE_LIST;
}

static int close_container(struct bencode_reader *r)
{
	if (r->depth == 0 || (r->due & 1))
		return DT_EMALF; /* closes nothing, or leaves a key without its value */
	r->depth--;
	r->dicts >>= 1;
	r->due >>= 1;
	r->at++;
	value_done(r);
	return BENCODE_END;
}

int bencode_next_other(struct bencode_reader *r, struct bencode_token *tok)
{
	int err, kind = BENCODE_STRING;
	uint8_t c;

	if (r->done)
		return BENCODE_DONE;
	if (r->at == r->end)
		return DT_ESHORT;
	if (!r->tokens_left)
		return DT_ETOKENS;
	r->tokens_left--;
	c = *r->at;
	if (c == 'e')
		return close_container(r);
	if ((uint8_t)(c - '0') > 9 && (r->dicts & ~r->due & 1))
		return DT_EMALF; /* a key must be a string */
	if (c == 'd' || c == 'l')
		return open_container(r, c == 'd');
	if (c == 'i') {
		err = read_int(r, &tok->number);
		kind = BENCODE_INT;
	} else {
		err = (uint8_t)(c - '0') > 9 ? DT_EMALF : bencode_read_string(r, &tok->bytes);
	}
	if (err)
		return err;
	value_done(r);
	return kind;
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
