/* SPDX-License-Identifier: MIT */
#ifndef PROTO_KRPC_H
#define PROTO_KRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/nodekey.h"
#include "proto/span.h"

/**
 * DOC: KRPC, the message form of the Mainline DHT (BEP 5 and its extensions).
 *
 * krpc_parse() turns one datagram into a struct krpc_msg whose spans borrow
 * from the datagram; nothing is copied, nothing is allocated. krpc_build_*()
 * write into the caller's buffer. Both directions are pure.
 */

enum {
	KRPC_T_MAX = 16,          /* longest transaction id we take; jech/dht stops there too */
	KRPC_DATAGRAM_MAX = 1500, /* longest datagram we build */
	KRPC_BLOOM_BYTES = 256,   /* of a filter of BEP 33 */
};

enum krpc_kind { KRPC_QUERY = 1, KRPC_REPLY, KRPC_ERROR };

enum krpc_method {
	KRPC_NO_METHOD = 0, /* replies and errors carry none */
	KRPC_PING,
	KRPC_FIND_NODE,
	KRPC_GET_PEERS,
	KRPC_ANNOUNCE_PEER,
	KRPC_SAMPLE_INFOHASHES, /* BEP 51 */
	KRPC_GET,               /* BEP 44 */
	KRPC_PUT,
	KRPC_OTHER_METHOD, /* well formed, unknown name: see @method_name */
};

enum { KRPC_WANT_N4 = 1, KRPC_WANT_N6 = 2 };

/** What was odd about a message that could be read nevertheless; bits of krpc_msg.odd. */
enum krpc_odd {
	KRPC_ODD_TRAILING = 1, /* bytes after the outer dictionary */
	KRPC_ODD_KIND = 2,     /* a known key held a value of another kind; taken as absent */
	KRPC_ODD_LENGTH = 4,   /* nodes, nodes6, samples or ip of a length that cannot be; absent */
};

/**
 * struct krpc_msg - what one datagram says. Absent spans are {NULL,0}.
 */
struct krpc_msg {
	enum krpc_kind kind;
	enum krpc_method method;
	struct span method_name; /* q as sent */
	struct span t;           /* 0..KRPC_T_MAX bytes; missing t gives {NULL,0} */
	struct span v;           /* client tag as sent */
	struct span id;          /* 20 bytes, or absent */
	struct span target;      /* find_node, sample_infohashes, get: 20 bytes */
	struct span info_hash;   /* get_peers, announce_peer: 20 bytes */
	struct span token;
	struct span nodes;   /* a multiple of 26 bytes */
	struct span nodes6;  /* a multiple of 38 bytes */
	struct span values;  /* inside of the list: compact peers, still bencoded strings */
	struct span samples; /* a multiple of 20 bytes (BEP 51) */
	struct span ip;      /* compact endpoint the sender saw us at (BEP 42) */
	struct span error_text;
	int64_t num;           /* BEP 51; -1 absent */
	int64_t interval;      /* BEP 51 seconds; -1 absent */
	int32_t port;          /* announce_peer or libtorrent's p; -1 absent */
	int32_t error_code;    /* e[0]; 0 absent */
	uint16_t values_count; /* peers that krpc_value_next() will give */
	uint8_t want;          /* KRPC_WANT_* bits (BEP 32) */
	bool ro;               /* BEP 43 */
	bool scrape;           /* get_peers: bloom filters, please (BEP 33) */
	bool bloom;            /* get_peers: they came: BFpe or BFsd of BEP 33's length */
	bool implied_port;
	bool has_r;  /* an r dictionary stood there, even beside an e */
	uint8_t odd; /* enum krpc_odd bits */
};

/**
 * krpc_parse() - read what one datagram says, without copying.
 * @in:  the datagram, 0..65507 bytes; borrowed: must outlive @msg.
 * @msg: out; every span in it points into @in; undefined on error.
 *
 * Accepts what real nodes send: unsorted keys, t of 0..16 bytes, any count of
 * nodes, missing v, trailing garbage after the outer dictionary, r beside e.
 * Duplicate keys: the first one counts. Unknown keys are stepped over. Lists of
 * contacts whose length cannot be are dropped, the message stands (P-5); a
 * known key with a value of another kind counts as absent (P-4); @msg->odd
 * says so.
 *
 * Errors:  DT_ESHORT cut off; DT_EMALF not bencode, or not a dictionary;
 *          DT_EDEPTH; DT_ETOKENS; DT_ERANGE an integer beyond 64 bits; DT_ESIZE
 *          an id, target or info_hash that is not 20 bytes, or t above
 *          KRPC_T_MAX; DT_EMISSING a query without q, a or id, or a reply
 *          without r; DT_EKIND y missing or unknown, or both a and r.
 * Cost:    one pass, no heap; see bench krpc_parse.
 * Threads: pure.
 * Source:  BEP 5 "KRPC Protocol"; BEP 32, 42, 43, 44, 51.
 */
int krpc_parse(struct span in, struct krpc_msg *msg) DT_MUST;

/** krpc_parse_any() - krpc_parse() without the shortcut below: its oracle. */
int krpc_parse_any(struct span in, struct krpc_msg *msg) DT_MUST;

/**
 * krpc_parse_usual() - false, and @msg undefined, for all but replies in the form that nearly
 * every node sends; these are read as krpc_parse_any() reads them.
 */
bool krpc_parse_usual(struct span in, struct krpc_msg *msg) DT_MUST;

/**
 * krpc_looks_like() - may these bytes begin a message? True for every message of a known
 * key, and for few things else; whoever sees a wire asks this before the parser.
 */
static inline bool krpc_looks_like(struct span in)
{
	const uint8_t *p = in.ptr;

	/* "d1:a", "d1:r", ... or "d2:ip", "d2:ro": a dictionary whose key has one or two letters */
	return in.len >= 10 && p[0] == 'd' && (p[1] == '1' || p[1] == '2') && p[2] == ':' &&
	       p[3] >= 'a' && p[3] <= 'z';
}

/** krpc_node4() - contact @i of a nodes span; i < nodes.len / 26. */
static inline void krpc_node4(struct span nodes, size_t i, struct nodeid *id, struct endpoint *ep)
{
	const uint8_t *p = nodes.ptr + i * 26;

	memcpy(id->b, p, NODEID_BYTES);
	*ep = endpoint_ip4((uint32_t)p[20] << 24 | (uint32_t)p[21] << 16 | (uint32_t)p[22] << 8 |
				   (uint32_t)p[23],
			   (uint16_t)(p[24] << 8 | p[25]));
}

/** krpc_node6() - contact @i of a nodes6 span; i < nodes6.len / 38. */
static inline void krpc_node6(struct span nodes6, size_t i, struct nodeid *id, struct endpoint *ep)
{
	const uint8_t *p = nodes6.ptr + i * 38;

	memcpy(id->b, p, NODEID_BYTES);
	memcpy(ep->addr, p + 20, 16);
	ep->port = (uint16_t)(p[36] << 8 | p[37]);
}

/**
 * krpc_value_next() - walk the peers of msg->values.
 * @cursor: starts at 0.
 * Returns 1 and @peer, or 0 at the end. Strings that are not 6 or 18 bytes are
 * stepped over.
 */
int krpc_value_next(struct span values, size_t *cursor, struct endpoint *peer);

/**
 * struct krpc_query - what a query should say.
 */
struct krpc_query {
	enum krpc_method method;
	struct span t;        /* 1..KRPC_T_MAX bytes */
	struct span v;        /* client tag, usually 4 bytes; may be absent */
	struct nodeid id;     /* ours */
	struct nodeid target; /* target or info_hash; unused by ping */
	struct span token;    /* announce_peer */
	uint16_t port;        /* announce_peer */
	bool implied_port;
	bool ro;
	bool scrape;  /* get_peers: BEP 33 */
	uint8_t want; /* KRPC_WANT_* bits; 0 = no want key */
};

/**
 * krpc_build_query() - write a query, keys in sorted order.
 * Returns its length, or DT_EFULL, DT_ESIZE, DT_EKIND.
 */
int krpc_build_query(const struct krpc_query *q, uint8_t *out, size_t cap) DT_MUST;

/**
 * struct krpc_template - a query of fixed length with its changing bytes located.
 *
 * The hot path copies @bytes and patches target and t; nothing is encoded per
 * packet. The t of a template is KRPC_TEMPLATE_T bytes.
 */
enum { KRPC_TEMPLATE_T = 8, KRPC_TEMPLATE_MAX = 192 };

struct krpc_template {
	uint8_t bytes[KRPC_TEMPLATE_MAX];
	uint16_t len;
	uint16_t id_at;     /* offset of our id's 20 bytes */
	uint16_t target_at; /* offset of the 20 target bytes; 0 where the method has none */
	uint16_t t_at;      /* offset of the 8 t bytes */
};

/** krpc_template_init() - from a query whose t, target are ignored. */
int krpc_template_init(struct krpc_template *tp, const struct krpc_query *q) DT_MUST;

/**
 * krpc_template_write() - one datagram of tp->len bytes into @out.
 * @target: NULL: the caller writes the 20 bytes at tp->target_at, if there are such.
 */
static inline void krpc_template_write(const struct krpc_template *tp, const struct nodeid *target,
				       const uint8_t t[static KRPC_TEMPLATE_T], uint8_t *out)
{
	memcpy(out, tp->bytes, tp->len);
	if (tp->target_at && target)
		memcpy(out + tp->target_at, target->b, NODEID_BYTES);
	memcpy(out + tp->t_at, t, KRPC_TEMPLATE_T);
}

/**
 * struct krpc_answer - what a reply should say; absent spans are left out.
 */
struct krpc_answer {
	struct span t;
	struct span v;
	struct nodeid id;
	struct span nodes;  /* compact, N x 26 */
	struct span nodes6; /* compact, N x 38 */
	struct span token;
	const struct endpoint *values;
	size_t values_count;
	struct span samples;       /* N x 20; with num and interval */
	int64_t num, interval;     /* < 0: absent */
	const struct endpoint *ip; /* NULL: absent (BEP 42) */
	const uint8_t *bloom; /* BFpe, then BFsd, KRPC_BLOOM_BYTES each; NULL: absent (BEP 33) */
};

/** krpc_build_reply() - a reply. Returns its length, DT_EFULL or DT_ESIZE. */
int krpc_build_reply(const struct krpc_answer *a, uint8_t *out, size_t cap) DT_MUST;

/** krpc_build_error() - an error message (codes 201..204). Returns length or DT_EFULL. */
int krpc_build_error(struct span t, struct span v, int code, const char *text, uint8_t *out,
		     size_t cap) DT_MUST;

/* ---- who wrote the client ---------------------------------------------- */

/** Families of client software, from the two letters of v. Stored on disk: append only. */
enum krpc_client {
	KRPC_CLIENT_NONE = 0,     /* no v at all */
	KRPC_CLIENT_UNKNOWN = 1,  /* a v that follows no known form */
	KRPC_CLIENT_LIBTORRENT,   /* "LT" rasterbar */
	KRPC_CLIENT_RTORRENT,     /* "lt" rakshasa */
	KRPC_CLIENT_UTORRENT,     /* "UT" */
	KRPC_CLIENT_JECH,         /* "JC" */
	KRPC_CLIENT_ARIA2,        /* "A2" */
	KRPC_CLIENT_MLDHT,        /* "ml" */
	KRPC_CLIENT_WEBTORRENT,   /* "WW" */
	KRPC_CLIENT_BITCOMET,     /* "BC" */
	KRPC_CLIENT_BITSPIRIT,    /* "SP" */
	KRPC_CLIENT_KTORRENT,     /* "KT" */
	KRPC_CLIENT_TRANSMISSION, /* "TR" */
	KRPC_CLIENT_MAINLINE,     /* "NG": met, its owner not known to us */
	KRPC_CLIENT_TELESCOPE,    /* "DT", ours */
	KRPC_CLIENT_RUST,         /* "RS", the mainline crate */
	KRPC_CLIENT_MOOPOLICE,    /* "MP" */
	KRPC_CLIENT_GETRIGHT,     /* "GR" */
	KRPC_CLIENT_FAMILIES
};

struct krpc_version {
	enum krpc_client client;
	uint8_t raw[4];  /* the tag, zero padded */
	uint8_t raw_len; /* 0..4 */
	uint16_t number; /* the two version bytes, big-endian */
};

/** krpc_version_parse() - from msg->v; never fails. */
struct krpc_version krpc_version_parse(struct span v);

/** krpc_client_name() - "libtorrent", "none", ...; never NULL. */
const char *krpc_client_name(enum krpc_client c);

enum { KRPC_VERSION_TEXT_MAX = 48 };

/** krpc_version_text() - "libtorrent 2.8", "unknown 58580102"; printable ASCII; returns @out. */
char *krpc_version_text(const struct krpc_version *ver, char out[static KRPC_VERSION_TEXT_MAX]);

#endif
