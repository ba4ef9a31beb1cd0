/* SPDX-License-Identifier: MIT */
#ifndef PROTO_SIGHTING_H
#define PROTO_SIGHTING_H

#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/nodekey.h"

/**
 * DOC: the one noun that travels. Bytes become a krpc_msg, then a sighting,
 * then a record, then a pixel or a line. Everything that the program learns of
 * a node, by whichever way, is said in this struct and nothing else.
 */

/** How a node came to be known. Stored on disk: append only. */
enum sighting_way {
	SIGHTING_ANSWERED = 0,  /* it answered a query of ours */
	SIGHTING_MENTIONED = 1, /* a reply listed it; it has not answered (yet) */
	SIGHTING_ASKED_US = 2,  /* it sent us a query */
	SIGHTING_TAPPED = 3,    /* seen on a wire that we only watch */
	SIGHTING_WAYS
};

/** What the sighting taught; bits, stored on disk: append only. */
enum sighting_flag {
	SIGHTING_HAS_V = 1 << 0,      /* the message carried v */
	SIGHTING_IP_VOTE = 1 << 1,    /* reply carried ip (BEP 42 sender side) */
	SIGHTING_BEP42_OK = 1 << 2,   /* id fits its address */
	SIGHTING_NODES6 = 1 << 3,     /* returned nodes6 (BEP 32) */
	SIGHTING_SAMPLES = 1 << 4,    /* answers sample_infohashes (BEP 51) */
	SIGHTING_READ_ONLY = 1 << 5,  /* sent ro=1 (BEP 43) */
	SIGHTING_TOKEN = 1 << 6,      /* get_peers gave a token */
	SIGHTING_ERROR = 1 << 7,      /* answered with y=e */
	SIGHTING_ID_CHANGED = 1 << 8, /* answered under another id than the one advertised */
	SIGHTING_ALIAS = 1 << 9,      /* answered from another address or port than asked */
	SIGHTING_FINAL = 1 << 10, /* closing word of a census: mentions and attempts are totals */
	SIGHTING_LATE = 1 << 11,  /* answered after its query had expired */
	/* Of the sample that is asked for what it can do (engine/survey.h): */
	SIGHTING_SURVEYED = 1 << 12,    /* it was in the sample, and there at the time */
	SIGHTING_SCRAPE = 1 << 13,      /* gave bloom filters of a torrent's peers (BEP 33) */
	SIGHTING_ITEMS = 1 << 14,       /* gave a token to get (BEP 44) */
	SIGHTING_SECOND_PORT = 1 << 15, /* answered a port of ours that it had not heard from */
};

/**
 * How a node can be reached, as far as is known: a reading of its ways, flags and class, and
 * so not stored by itself.
 */
enum sighting_reach {
	SIGHTING_REACH_UNKNOWN,  /* it answered, and a second port was not tried; or it is silent */
	SIGHTING_REACH_ANY_PORT, /* answers a port of ours that it had not heard from */
	SIGHTING_REACH_ONE_PORT, /* answers the port that asked first, and no other */
	SIGHTING_REACH_ONE_WAY,  /* asks us, and answers nothing, or nothing once it fell silent */
	SIGHTING_REACH_READ_ONLY, /* says that it answers nobody (BEP 43) */
	SIGHTING_REACHES
};

/**
 * What a node is, as far as can be told from outside (census 4.8). Stored on disk: append
 * only; where two runs differ, the higher one is kept.
 */
enum sighting_class {
	SIGHTING_CLASS_NORMAL = 0,     /* one id at one endpoint, or nothing known that says else */
	SIGHTING_CLASS_REMAPPED = 1,   /* one id on one address, several ports */
	SIGHTING_CLASS_MULTIHOMED = 2, /* one id on two or three addresses */
	SIGHTING_CLASS_CLONE = 3,      /* one id on more than three */
	SIGHTING_CLASS_ROUTER = 4,     /* hands out 16 and more, far from what was asked for */
	SIGHTING_CLASS_FLAPPER = 5,    /* another id again and again */
	SIGHTING_CLASS_LIAR = 6,       /* an id next to ours, whichever we use */
	SIGHTING_CLASS_REFLECTOR = 7,  /* sends back our query or our own id; no node */
	SIGHTING_CLASS_ONE_WAY = 8,    /* asks us and answers nothing */
	SIGHTING_CLASS_READ_ONLY = 9,  /* says so (BEP 43) */
	SIGHTING_CLASS_POISONER = 10,  /* lists addresses that nobody on the internet can have */
	SIGHTING_CLASSES
};

/** sighting_class_name() - "normal", "remapped", ...; "?" beyond. */
const char *sighting_class_name(unsigned node_class);

/** sighting_reach() - of @ways (bits), @flags and @node_class together. */
enum sighting_reach sighting_reach(unsigned ways, unsigned flags, unsigned node_class);

/** sighting_reach_name() - "unknown", "any-port", ...; "?" beyond. */
const char *sighting_reach_name(unsigned reach);

/**
 * struct sighting - who, from where, when, what was learnt, by which way.
 *
 * Counts are those known at @when_ms: a census says each live endpoint once
 * when it first answers, and every endpoint once at the end with
 * SIGHTING_FINAL, when @mentions, @attempts and @answers are totals.
 */
struct sighting {
	uint64_t when_ms;   /* Unix time */
	struct nodekey key; /* bits = 0 where no id was learnt */
	struct endpoint from;
	uint8_t way;      /* enum sighting_way */
	uint8_t attempts; /* queries sent to it in this census */
	uint8_t answers;  /* of which answered */
	uint8_t version_len;
	uint8_t version[4]; /* v as sent, zero padded */
	uint8_t node_class; /* enum sighting_class; said with SIGHTING_FINAL */
	uint16_t flags;     /* enum sighting_flag */
	uint16_t mentions;  /* distinct introducers, capped at 65535 */
	uint32_t rtt_us;    /* of the answer; 0 = not measured */
};

/** sighting_way_name() - "answered", "mentioned", "asked-us", "tapped"; "?" beyond. */
const char *sighting_way_name(unsigned way);

enum { SIGHTING_TEXT_MAX = 256 };

/** sighting_to_text() - one line for a person, no newline; returns @out. */
char *sighting_to_text(const struct sighting *s, char out[static SIGHTING_TEXT_MAX]);

#endif
