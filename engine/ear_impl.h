/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_EAR_IMPL_H
#define ENGINE_EAR_IMPL_H

#include "engine/ear.h"
#include "engine/ear_budget.h"
#include "engine/ear_peers.h"
#include "engine/ear_table.h"
#include "engine/ear_token.h"
#include "engine/ear_vote.h"
#include "engine/rng.h"
#include "proto/krpc.h"

/**
 * DOC: the inside of ear*.c; nobody else includes this.
 *
 *	ear.c        what comes in, who hears of it; identities
 *	ear_reply.c  answers to queries
 *	ear_ask.c    our own queries: lookups, refreshing, proving newcomers
 */

enum {
	EAR_LOOKUP_MAX = 48,  /* candidates of a lookup */
	EAR_LOOKUP_ASKS = 64, /* and queries it may take */
	EAR_LOOKUP_ALPHA = 3,
	EAR_T_BYTES = 6,
};

enum ear_purpose { EAR_PROVE, EAR_KEEP, EAR_LOOKUP };

struct ear_pending {
	uint64_t sent_ns;
	uint32_t secret; /* in t, beside the index */
	uint16_t identity;
	uint8_t purpose; /* enum ear_purpose */
	bool used, has_id;
	uint32_t lookup; /* its number, of EAR_LOOKUP */
	struct nodeid id;
	struct endpoint to;
};

enum { EAR_NEW, EAR_ASKED, EAR_DONE, EAR_FAILED };

struct ear_candidate {
	struct nodeid id;
	struct endpoint ep;
	bool has_id; /* false: a place to begin */
	uint8_t state;
	uint64_t asked_ns;
};

struct ear_lookup {
	bool active;
	uint32_t number;
	unsigned count, asked;
	struct nodeid target;
	struct ear_candidate list[EAR_LOOKUP_MAX]; /* nearest first; without an id last */
};

struct ear_identity {
	struct nodeid id;
	struct endpoint local, external;
	bool has_external;
	unsigned among; /* how many before it share its address: its r of BEP 42 */
	struct ear_table table;
	struct ear_vote vote;
	struct ear_lookup lookup;
	uint64_t lookup_due_ns, own_due_ns;
	uint32_t count_before; /* nodes in its table when the last lookup ended */
	unsigned barren;       /* lookups in a row that taught nothing */
	bool settled;          /* its own neighbourhood was looked up */
};

struct ear {
	struct ear_opts opts;
	struct ear_port port;
	struct gate *gate;
	uint64_t wall_minus_now_ns;
	struct rng rng;
	struct ear_identity *ids;
	struct endpoint *bootstrap;
	struct ear_peers *peers;
	struct ear_token token;
	struct ear_budget budget;
	struct ear_pending pending[EAR_PENDING_MAX];
	uint16_t free_pending[EAR_PENDING_MAX];
	unsigned free_count;
	uint32_t lookup_number;
	uint64_t sample_draw, sample_ns;
	uint64_t infohashes[EAR_INFOHASHES_MAX]; /* open addressing; 0 = free */
	struct ear_stats stats;
};

static inline bool ear_is4(const struct ear_identity *i)
{
	return endpoint_is4(&i->local);
}

static inline struct span ear_v(const struct ear *e)
{
	return span_of(e->opts.v, sizeof(e->opts.v));
}

/** ear_is_self() - one of our own ids? Then it is an echo. */
bool ear_is_self(const struct ear *e, const struct nodeid *id);

/** ear_send() - false where the device had no room. */
bool ear_send(struct ear *e, unsigned i, const struct endpoint *to, const uint8_t *data, int len);

/** ear_reply() - answer @m, or not; returns an enum heard_outcome. @flags: HEARD_BAD_TOKEN. */
uint8_t ear_reply(struct ear *e, unsigned i, const struct endpoint *from, const struct krpc_msg *m,
		  unsigned len, uint64_t now_ns, uint8_t *flags);

/** ear_ask_answered() - a reply or an error; true where we had asked. */
bool ear_ask_answered(struct ear *e, unsigned i, const struct endpoint *from,
		      const struct krpc_msg *m, uint64_t now_ns);

/** ear_ask_tick() - what is due. */
void ear_ask_tick(struct ear *e, uint64_t now_ns);

/** ear_ask_newcomer() - somebody not read-only asked us. */
void ear_ask_newcomer(struct ear *e, unsigned i, const struct nodeid *id,
		      const struct endpoint *from, uint64_t now_ns);

/** ear_set_external() - others see identity @i at this address: its id should fit it. */
void ear_set_external(struct ear *e, unsigned i, const struct endpoint *external, uint64_t now_ns);

#endif
