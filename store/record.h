/* SPDX-License-Identifier: MIT */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"
#include "proto/span.h"
#include "store/geo.h"

/**
 * DOC: what lies in the tables: keys big-endian so that they sort as numbers,
 * values of a fixed length, little-endian, with their layout's version in byte
 * 0. Drawn as bytes in store/README.md. Times are Unix seconds in 32 bits
 * (until 2106), so that records of different runs and machines compare.
 */

enum {
	RECORD_VERSION = 2,
	RECORD_BYTES = 50,         /* value of nodes4, nodes6 */
	RECORD_CONTACT_BYTES = 40, /* value of mentioned4, mentioned6 */
	RECORD_ADDR_BYTES = 4,     /* value of addr4, addr6: first bytes of the id */

	RECORD_KEY4_BYTES = 26, /* id 20, ip 4, port 2 */
	RECORD_KEY6_BYTES = 38, /* id 20, ip 16, port 2 */
	RECORD_KEY_MAX = RECORD_KEY6_BYTES,

	/* 16.8 s: the latest answer we take comes after 15 s; the greatest that packs */
	RECORD_RTT_MAX_US = 4095 << 12,
};

/** struct record_place - where an endpoint lies, as kept: 16 bytes, compared as bytes. */
struct record_place {
	uint32_t asn;
	uint16_t lat_q, lon_q; /* 0..65535 over -90..90 and -180..180 */
	char country[2];       /* zeros = unknown */
	uint8_t radius_q;      /* 0 = unknown; else 16 steps per doubling from 0.25 km */
	uint8_t has_point, country_level;
	uint8_t looked_up; /* some database was asked; all else zero: in vain */
	uint8_t zero[2];
};
_Static_assert(sizeof(struct record_place) == 16, "no padding: compared as bytes");

/**
 * struct record - one node: somebody who was heard under this id at this endpoint.
 * The last times are 0 where only the closing word of a census told of the node: then
 * they are the first ones.
 */
struct record {
	uint32_t first_seen_s, last_seen_s;
	uint32_t first_answered_s, last_answered_s; /* both 0 = never */
	uint32_t epoch_s; /* start of the epoch that the next four are of */
	uint8_t attempts, answers;
	uint8_t version_len;
	uint8_t version[4];
	uint8_t ways; /* bit per enum sighting_way */
	uint8_t node_class;
	uint16_t flags;    /* enum sighting_flag, ever */
	uint16_t mentions; /* most of any epoch */
	uint32_t rtt_us;   /* least ever, as it packs; 0 = not measured */
	uint32_t ordinal;  /* its number in the sightings log; of one store */
	struct record_place place;
};

/** struct record_contact - an endpoint that no id is known of for certain. */
struct record_contact {
	uint32_t first_seen_s, last_seen_s;
	uint32_t epoch_s; /* start of the epoch that the next four are of */
	uint8_t attempts, answers;
	bool has_id;
	struct nodeid id; /* as advertised */
	uint8_t ways;
	uint16_t flags;
	uint16_t mentions; /* most of any epoch */
};

/** record_rtt_pack() - in 16 bits, off by 0.05 % at most, in order; unpack gives it back. */
uint16_t record_rtt_pack(uint32_t us);
uint32_t record_rtt_unpack(uint16_t packed);

void record_encode(const struct record *r, uint8_t out[static RECORD_BYTES]);

/**
 * record_decode() - hostile bytes in, a record or a reason out.
 * Errors:  DT_ESIZE; DT_ENEWER a later layout; DT_ECORRUPT what encode never writes.
 */
int record_decode(struct span in, struct record *out) DT_MUST;

void record_contact_encode(const struct record_contact *c,
			   uint8_t out[static RECORD_CONTACT_BYTES]);
int record_contact_decode(struct span in, struct record_contact *out) DT_MUST;

/** record_key() - id and endpoint as key of nodes4 or nodes6; returns its length. */
unsigned record_key(const struct nodeid *id, const struct endpoint *ep,
		    uint8_t out[static RECORD_KEY_MAX]);

/** record_key_decode() - the inverse. Errors: DT_ESIZE; DT_ECORRUPT a v4 address among v6. */
int record_key_decode(struct span key, struct nodeid *id, struct endpoint *ep) DT_MUST;

/** record_addr() - an endpoint as key of addr4, addr6, mentioned4, mentioned6; returns its length.
 */
unsigned record_addr(const struct endpoint *ep, uint8_t out[static ENDPOINT_COMPACT6]);
int record_addr_decode(struct span key, struct endpoint *ep) DT_MUST;

/** record_place_of() - a lookup's outcome as it is kept. */
struct record_place record_place_of(const struct geo_place *g);

/** record_place_expand() - as a reader wants it; asn and country too; no colour. */
void record_place_expand(const struct record_place *p, struct geo_place *out);

#endif
