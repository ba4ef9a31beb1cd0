/* SPDX-License-Identifier: MIT */
#include "engine/ear_budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { WAYS = 4, TOKEN = 1000 };
static const double earned_share = 0.9;

int ear_budget_init(struct ear_budget *b, double allowance, uint64_t now_ns)
{
	double half = (allowance > 0 ? allowance : EAR_ALLOWANCE_BYTES) / EAR_CLASSES;

	*b = (struct ear_budget){ .at_ns = now_ns };
	for (unsigned c = 0; c < EAR_CLASSES; c++)
		b->account[c] = (struct ear_account){ .bytes = half * EAR_BURST_S,
						      .allowance = half,
						      .most = half * EAR_BURST_S };
	randombytes_buf(b->key, sizeof(b->key));
	b->hosts = calloc((size_t)1 << EAR_HOSTS_LOG2, sizeof(*b->hosts));
	return b->hosts ? 0 : -ENOMEM;
}

void ear_budget_fini(struct ear_budget *b)
{
	free(b->hosts);
	b->hosts = NULL;
}

/* What was not used in three seconds is lost: no saving up for a volley. */
static void pass_time(struct ear_budget *b, uint64_t now_ns)
{
	double s;

	if (now_ns <= b->at_ns)
		return;
	s = (double)(now_ns - b->at_ns) / 1e9;
	b->at_ns = now_ns;
	for (unsigned c = 0; c < EAR_CLASSES; c++) {
		struct ear_account *a = &b->account[c];

		a->bytes += a->allowance * s;
		if (a->bytes > a->most)
			a->bytes = a->most;
	}
}

void ear_budget_asked(struct ear_budget *b, enum ear_class c, unsigned len, uint64_t now_ns)
{
	struct ear_account *a = &b->account[c];

	pass_time(b, now_ns);
	b->asked_bytes += len + EAR_HEADER_BYTES;
	a->bytes += earned_share * (len + EAR_HEADER_BYTES);
	if (a->bytes > a->most)
		a->bytes = a->most;
}

static uint64_t tag_of(const struct ear_budget *b, const struct endpoint *from)
{
	uint64_t h;

	/* A network's worth of IPv6 addresses is one host. */
	crypto_shorthash((uint8_t *)&h, from->addr, endpoint_is4(from) ? 16 : 8, b->key);
	return h ? h : 1;
}

static struct ear_host *host_of(struct ear_budget *b, const struct endpoint *from, uint64_t now_ns)
{
	uint64_t tag = tag_of(b, from), set = tag >> (64 - EAR_HOSTS_LOG2) & ~(uint64_t)(WAYS - 1);
	struct ear_host *h = &b->hosts[set], *take = h;
	uint32_t now_ms = (uint32_t)(now_ns / 1000000);

	for (unsigned i = 0; i < WAYS; i++) {
		if (h[i].tag == tag) {
			uint64_t more = (uint64_t)(uint32_t)(now_ms - h[i].at_ms) * EAR_HOST_RATE;

			h[i].tokens = more + h[i].tokens > EAR_HOST_BURST * TOKEN
					      ? EAR_HOST_BURST * TOKEN
					      : (uint32_t)more + h[i].tokens;
			h[i].at_ms = now_ms;
			return &h[i];
		}
		if (!h[i].tag || (take->tag && h[i].tokens > take->tokens))
			take = &h[i];
	}
	*take = (struct ear_host){ .tag = tag, .at_ms = now_ms, .tokens = EAR_HOST_BURST * TOKEN };
	return take;
}

unsigned ear_budget_room(struct ear_budget *b, enum ear_class c, const struct endpoint *from,
			 uint64_t now_ns)
{
	struct ear_account *a = &b->account[c];

	pass_time(b, now_ns);
	if (host_of(b, from, now_ns)->tokens < TOKEN || a->bytes <= EAR_HEADER_BYTES)
		return 0;
	return (unsigned)(a->bytes - EAR_HEADER_BYTES);
}

void ear_budget_answered(struct ear_budget *b, enum ear_class c, const struct endpoint *from,
			 unsigned len)
{
	struct ear_host *h = host_of(b, from, b->at_ns);

	h->tokens -= h->tokens < TOKEN ? h->tokens : TOKEN;
	b->account[c].bytes -= len + EAR_HEADER_BYTES;
	b->answered_bytes += len + EAR_HEADER_BYTES;
}
