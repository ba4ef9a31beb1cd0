/* SPDX-License-Identifier: MIT */
#include "proto/bencode.h"
#include "proto/krpc.h"

/**
 * DOC: the reply that nearly every node sends: sorted keys, each at most once, nothing that
 * would have to be stepped over. It is compared with what it must say, eight bytes at a
 * time, instead of being read token by token: a fifth of the instructions (E-190). The
 * grammar is not relaxed: what deviates in a single byte is left to the general reader, and
 * what is taken here that one takes the same way (fuzz_krpc.c holds one against the other).
 */

/* Where the reading stands. */
struct at {
	const uint8_t *p, *end;
};

static inline bool lit(struct at *a, const char *literal, size_t len)
{
	if ((size_t)(a->end - a->p) < len || memcmp(a->p, literal, len) != 0)
		return false;
	a->p += len;
	return true;
}
#define LIT(a, literal) lit(a, literal, sizeof(literal) - 1)

static inline bool take(struct at *a, size_t len, struct span *out)
{
	if ((size_t)(a->end - a->p) < len)
		return false;
	*out = span_of(a->p, len);
	a->p += len;
	return true;
}

/* "LEN:" and its bytes. */
static inline bool string(struct at *a, struct span *out)
{
	struct bencode_reader r = { .at = a->p, .end = a->end };

	if (a->p == a->end || (uint8_t)(*a->p - '0') > 9 || bencode_read_string(&r, out))
		return false;
	a->p = r.at;
	return true;
}

static inline bool records(struct at *a, size_t unit, struct span *out)
{
	return string(a, out) && out->len % unit == 0;
}

/* "i6881e": up to five digits, no leading zero. */
static inline bool port(struct at *a, int32_t *out)
{
	int32_t v = 0;
	const uint8_t *first = a->p;

	while (a->p < a->end && (uint8_t)(*a->p - '0') <= 9 && a->p - first < 5)
		v = v * 10 + (*a->p++ - '0');
	*out = v;
	return a->p > first && (*first != '0' || a->p == first + 1) && v <= UINT16_MAX &&
	       LIT(a, "e");
}

/* The keys of r behind id, in their order. */
static inline bool reply(struct at *a, struct krpc_msg *m)
{
	if (LIT(a, "5:nodes") && !records(a, 26, &m->nodes))
		return false;
	if (LIT(a, "6:nodes6") && !records(a, 38, &m->nodes6))
		return false;
	if (LIT(a, "1:pi") && !port(a, &m->port))
		return false;
	if (LIT(a, "5:token") && !string(a, &m->token))
		return false;
	return LIT(a, "e");
}

bool krpc_parse_usual(struct span in, struct krpc_msg *msg)
{
	struct at a = { in.ptr, in.ptr + in.len };

	if (!in.len || !LIT(&a, "d"))
		return false;
	*msg = (struct krpc_msg){ .kind = KRPC_REPLY, .num = -1, .interval = -1, .port = -1 };
	if (LIT(&a, "2:ip6:") && !take(&a, ENDPOINT_COMPACT4, &msg->ip))
		return false;
	if (!LIT(&a, "1:rd2:id20:") || !take(&a, NODEID_BYTES, &msg->id) || !reply(&a, msg))
		return false;
	msg->has_r = true;
	if (!LIT(&a, "1:t") || !string(&a, &msg->t) || msg->t.len > KRPC_T_MAX)
		return false;
	if (LIT(&a, "1:v") && !string(&a, &msg->v))
		return false;
	return LIT(&a, "1:y1:re") && a.p == a.end;
}
