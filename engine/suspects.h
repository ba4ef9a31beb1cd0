/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_SUSPECTS_H
#define ENGINE_SUSPECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/err.h"

/**
 * DOC: what speaks against an endpoint, for the few of whom anything does: a hash table
 * beside the records, 24 bytes and a third of room. Endpoints are never taken out. Bounded
 * by the node table it stands beside; without memory an endpoint stays unsuspected, and
 * that is counted.
 */
struct suspect {
	uint64_t last_id;  /* first 64 bits of the id of its latest answer; before one, of its query
			    */
	uint32_t ref;      /* of the node table, + 1; 0 = free */
	uint8_t odd : 1;   /* its first answer was under another id than advertised */
	uint8_t more : 1;  /* one more probe is wanted, after the one that was just answered */
	uint8_t spoilt;    /* answers of which a quarter cannot be: addresses that nobody has */
	uint8_t switches;  /* answers under another id than the answer before; these saturate */
	uint8_t near_own;  /* answers with an id next to ours, asked as ourselves */
	uint8_t near_alt;  /* the same, asked under our other id */
	uint8_t aliases;   /* answers from another port of its address */
	uint8_t moves;     /* answers from another address */
	uint8_t mirrored;  /* our own query, or our own id, came back */
	uint8_t probes;    /* questions asked to be sure */
	uint8_t heard;     /* queries that it sent to us */
	uint8_t read_only; /* of these with ro=1 */
	uint8_t crowds;    /* answers of 16 contacts and more, far from what was asked for */
};
_Static_assert(sizeof(struct suspect) == 24, "as it lies in checkpoints too");

struct suspects {
	struct suspect *slot;
	uint32_t room, used; /* room: a power of two, or 0 */
	uint64_t lost;       /* could not be noted */
};

void suspects_free(struct suspects *s);

/** suspects_find() - of node @ref; NULL: nothing speaks against it. */
struct suspect *suspects_find(const struct suspects *s, uint32_t ref);

/** suspects_note() - the same, made where it was not there. NULL without memory; counted.
 * Valid until the next call. */
struct suspect *suspects_note(struct suspects *s, uint32_t ref);

uint64_t suspects_bytes(const struct suspects *s);

#endif
