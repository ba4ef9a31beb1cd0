/* SPDX-License-Identifier: MIT */
#ifndef PROTO_BENCODE_H
#define PROTO_BENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: bencode (BEP 3) as tokens pulled out of borrowed bytes, and as bytes
 * written from straight lines of calls.
 *
 * The reader is a struct of the caller's; it holds no heap, does not recurse
 * and cannot run past its bounds. It checks the whole grammar as it goes: one
 * outer value, keys are strings, each key has a value, no leading zeros, no
 * minus zero. What it leaves to its user: whether keys are sorted or unique
 * (real nodes break both), and what follows the outer value.
 *
 *	struct bencode_reader r;
 *	struct bencode_token tok;
 *	int kind;
 *
 *	bencode_reader_init(&r, in);
 *	while ((kind = bencode_next(&r, &tok)) > 0)
 *		...;
 *	if (kind < 0)
 *		it was not bencode;
 */

enum {
	/*
	 * A message nests 4 deep (message, r, values, peer). libtorrent allows
	 * 10 and mldht 100; 16 leaves room for extensions nobody has written.
	 */
	BENCODE_DEPTH_MAX = 16,
	/*
	 * The largest reply seen has 150 values: about 170 tokens. A hostile
	 * 1500-byte datagram can hold 1500 tokens, a 64 KiB one 43 times that.
	 */
	BENCODE_TOKENS_MAX = 2000,
	/* Nine digits cannot overflow 32 bits and are more than any datagram holds. */
	BENCODE_LENGTH_DIGITS_MAX = 9,
};

enum bencode_kind {
	BENCODE_DONE = 0, /* the outer value is complete */
	BENCODE_STRING,
	BENCODE_INT,
	BENCODE_LIST, /* its items follow, then BENCODE_END */
	BENCODE_DICT, /* key, value, key, value ... then BENCODE_END */
	BENCODE_END,
};

struct bencode_token {
	struct span bytes; /* BENCODE_STRING: what stands in it, borrowed */
	int64_t number;    /* BENCODE_INT */
};

struct bencode_reader {
	/* private */
	const uint8_t *at, *end;
	uint32_t dicts; /* bit 0: the innermost container is a dictionary; bit 1: the one around */
	uint32_t due;   /* the same order: a key has been read, its value is due; 0 in lists */
	uint16_t tokens_left; /* 0 once done, so that the fast path asks one question */
	uint8_t depth;
	bool done;
};

static inline void bencode_reader_init(struct bencode_reader *r, struct span in)
{
	*r = (struct bencode_reader){ .at = in.ptr,
				      .end = in.len ? in.ptr + in.len : in.ptr,
				      .tokens_left = BENCODE_TOKENS_MAX };
}

/** bencode_rest() - what has not been read yet; after BENCODE_DONE, what trails. */
static inline struct span bencode_rest(const struct bencode_reader *r)
{
	return span_of(r->at, (size_t)(r->end - r->at));
}

/* "LEN:" and its bytes; r->at stands on a digit. */
static inline int bencode_read_string(struct bencode_reader *r, struct span *out)
{
	const uint8_t *p = r->at + 1;
	uint32_t len = (uint32_t)*r->at - '0';

	for (;; p++) {
		uint32_t digit;

		if (p == r->end)
			return DT_ESHORT;
		if (*p == ':')
			break;
		digit = (uint32_t)*p - '0';
		if (digit > 9 || len == 0) /* 0 before a digit: a leading zero */
			return DT_EMALF;
		if (p - r->at >= BENCODE_LENGTH_DIGITS_MAX)
			return DT_ESIZE;
		len = len * 10 + digit;
	}
	if (len > (size_t)(r->end - ++p))
		return DT_ESHORT;
	*out = (struct span){ p, len };
	r->at = p + len;
	return 0;
}

/** bencode_next_other() - the part of bencode_next() that is not worth inlining. */
int bencode_next_other(struct bencode_reader *r, struct bencode_token *tok) DT_MUST;

/**
 * bencode_next() - the next token.
 * @tok: out; only the member that goes with the returned kind is written.
 *
 * Returns an enum bencode_kind, BENCODE_DONE after the end of the outer value
 * and as often as it is asked again. After an error the reader must not be
 * asked again.
 *
 * Errors:  DT_ESHORT the input ends inside of a value; DT_EMALF; DT_EDEPTH;
 *          DT_ETOKENS; DT_ESIZE a length of more than nine digits; DT_ERANGE an
 *          integer outside of 64 bits.
 * Cost:    inline, about 20 instructions a token; see bench bencode_next.
 * Threads: pure.
 * Source:  BEP 3 "bencoding".
 */
static inline int bencode_next(struct bencode_reader *r, struct bencode_token *tok)
{
	int err;

	/* Four tokens of five are strings inside of a container. */
	if (r->at == r->end || (uint8_t)(*r->at - '0') > 9 || !r->tokens_left || !r->depth)
		return bencode_next_other(r, tok);
	err = bencode_read_string(r, &tok->bytes);
	if (err)
		return err;
	r->tokens_left--;
	r->due ^= r->dicts & 1; /* in a dictionary: key, value, key, value */
	return BENCODE_STRING;
}

/**
 * bencode_skip() - step over the next value, whatever it holds.
 * Errors:  as bencode_next(); DT_EMALF where no value stands but an end.
 */
int bencode_skip(struct bencode_reader *r) DT_MUST;

/**
 * bencode_leave() - read on to the end of the container just opened.
 * Errors:  as bencode_next().
 */
int bencode_leave(struct bencode_reader *r) DT_MUST;

/* ---- writing ----------------------------------------------------------- */

/**
 * struct bencode_writer - bytes into the caller's buffer, with a sticky error:
 * once something did not fit, every call is a no-op and bencode_finish() says
 * so. The order of keys is the caller's business (BEP 3 wants them sorted).
 */
struct bencode_writer {
	/* private */
	uint8_t *buf;
	size_t cap, len;
	int err;
};

void bencode_writer_init(struct bencode_writer *w, uint8_t *buf, size_t cap);
void bencode_put_dict(struct bencode_writer *w);
void bencode_put_list(struct bencode_writer *w);
void bencode_put_end(struct bencode_writer *w); /* closes a dictionary or a list */
void bencode_put_string(struct bencode_writer *w, struct span s);
void bencode_put_int(struct bencode_writer *w, int64_t v);

/** bencode_put_raw() - bytes that are bencode already, such as SPAN_LIT("1:q4:ping"). */
void bencode_put_raw(struct bencode_writer *w, struct span s);

/** bencode_finish() - the length written, or DT_EFULL. */
int bencode_finish(const struct bencode_writer *w) DT_MUST;

#endif
