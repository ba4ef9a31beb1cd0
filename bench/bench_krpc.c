/* SPDX-License-Identifier: MIT */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "proto/bencode.h"
#include "proto/krpc.h"

/**
 * DOC: what the codec costs, on messages as the hot path meets them: 4096
 * different find_node replies of 8 nodes, so that neither the cache nor the
 * branch predictor knows the next one by heart (1.3 MB, as limits of the
 * machine were taken).
 */

enum {
	MESSAGES = 4096, /* a power of two: the loop masks */
	STRIDE = 320,    /* a reply of 8 nodes is 289 bytes */
};

struct replies {
	uint8_t bytes[MESSAGES][STRIDE];
	uint16_t len[MESSAGES];
};

/* xorshift64* (Vigna 2014): the input must only be different, and the same each time. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static void fill_random(uint64_t *state, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(next_random(state) >> 56);
}

static int replies_init(struct replies *r)
{
	uint64_t seed = 42;

	for (unsigned i = 0; i < MESSAGES; i++) {
		uint8_t nodes[8 * 26], t[KRPC_TEMPLATE_T];
		struct krpc_answer a = { .t = span_of(t, sizeof(t)),
					 .v = SPAN_LIT("LT\x02\x08"),
					 .nodes = span_of(nodes, sizeof(nodes)),
					 .num = -1,
					 .interval = -1 };
		struct endpoint ip = endpoint_ip4((uint32_t)next_random(&seed), 6881);
		int len;

		fill_random(&seed, nodes, sizeof(nodes));
		fill_random(&seed, t, sizeof(t));
		fill_random(&seed, a.id.b, sizeof(a.id.b));
		a.ip = &ip;
		len = krpc_build_reply(&a, r->bytes[i], STRIDE);
		if (len < 0)
			return len;
		r->len[i] = (uint16_t)len;
	}
	return 0;
}

static struct replies *replies_new(void)
{
	struct replies *r = malloc(sizeof(*r));

	if (r && replies_init(r)) {
		free(r);
		r = NULL;
	}
	return r;
}

static int with_replies(const struct bench_ctx *ctx, const char *name,
			void (*body)(void *, uint64_t), FILE *out)
{
	struct replies *r = replies_new();
	int err = r ? bench_loop(ctx, name, body, r, out) : DT_EFULL;

	free(r);
	return err;
}

static void parse_body(void *arg, uint64_t n)
{
	const struct replies *r = arg;
	struct krpc_msg m;

	for (uint64_t i = 0; i < n; i++) {
		unsigned at = (unsigned)i & (MESSAGES - 1);

		if (krpc_parse(span_of(r->bytes[at], r->len[at]), &m))
			abort();
		bench_keep(&m);
	}
}

static int run_parse(const struct bench_ctx *ctx, FILE *out)
{
	return with_replies(ctx, "krpc_parse", parse_body, out);
}

/* Per message too: 20 tokens, so that the difference to krpc_parse is the meaning. */
static void tokens_body(void *arg, uint64_t n)
{
	const struct replies *r = arg;
	uint64_t tokens = 0;

	for (uint64_t i = 0; tokens < n; i++) {
		unsigned at = (unsigned)i & (MESSAGES - 1);
		struct bencode_token tok = { .number = 0 };
		struct bencode_reader reader;
		int kind;

		bencode_reader_init(&reader, span_of(r->bytes[at], r->len[at]));
		while ((kind = bencode_next(&reader, &tok)) > 0)
			tokens++;
		if (kind < 0)
			abort();
		bench_keep(&tok);
	}
}

static int run_tokens(const struct bench_ctx *ctx, FILE *out)
{
	return with_replies(ctx, "bencode_next", tokens_body, out);
}

static const struct krpc_query find_node = {
	.method = KRPC_FIND_NODE,
	.t = { (const uint8_t *)"tttttttt", KRPC_TEMPLATE_T },
	.v = { (const uint8_t *)"DT\0\1", 4 },
	.ro = true,
};

static void build_body(void *arg, uint64_t n)
{
	struct krpc_query q = find_node;
	uint8_t out[KRPC_TEMPLATE_MAX];

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(q.target.b, &i, sizeof(i));
		if (krpc_build_query(&q, out, sizeof(out)) < 0)
			abort();
		bench_keep(out);
	}
}

static int run_build(const struct bench_ctx *ctx, FILE *out)
{
	return bench_loop(ctx, "krpc_build", build_body, NULL, out);
}

static void template_body(void *arg, uint64_t n)
{
	const struct krpc_template *tp = arg;
	struct nodeid target = { { 0 } };
	uint8_t out[KRPC_TEMPLATE_MAX], t[KRPC_TEMPLATE_T];

	for (uint64_t i = 0; i < n; i++) {
		memcpy(target.b, &i, sizeof(i));
		memcpy(t, &i, sizeof(i));
		krpc_template_write(tp, &target, t, out);
		bench_keep(out);
	}
}

static int run_template(const struct bench_ctx *ctx, FILE *out)
{
	struct krpc_template tp;
	int err = krpc_template_init(&tp, &find_node);

	return err ? err : bench_loop(ctx, "krpc_template", template_body, &tp, out);
}

/* The tag in t: SipHash-2-4 over the remote endpoint and the slot number. */
static void mac_body(void *arg, uint64_t n)
{
	static const uint8_t key[crypto_shorthash_KEYBYTES];
	uint8_t in[18 + 4] = { 0 }, mac[crypto_shorthash_BYTES];

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(in, &i, sizeof(i));
		crypto_shorthash(mac, in, sizeof(in), key);
		bench_keep(mac);
	}
}

static int run_mac(const struct bench_ctx *ctx, FILE *out)
{
	if (sodium_init() < 0)
		return DT_EUNSUPPORTED;
	return bench_loop(ctx, "krpc_mac", mac_body, NULL, out);
}

const struct bench bench_krpc[] = {
	{ "krpc_parse", "a find_node reply of 8 nodes read, 289 bytes", run_parse },
	{ "bencode_next", "one token of the same replies", run_tokens },
	{ "krpc_build", "a find_node query encoded", run_build },
	{ "krpc_template", "a find_node query patched into its template", run_template },
	{ "krpc_mac", "crypto_shorthash of an endpoint and a slot number", run_mac },
	{ NULL, NULL, NULL },
};
