/* SPDX-License-Identifier: MIT */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/endpoint.h"
#include "proto/err.h"
#include "proto/listing.h"
#include "proto/nodekey.h"
#include "proto/sighting.h"
#include "store/geo.h"

/**
 * DOC: what survives a restart: an LMDB environment in DIR/state with its
 * default durable flags, written by one writer, read by any number of readers
 * while it is being written. See store/README.md for the tables drawn as bytes.
 */

struct store;
struct store_view;

enum store_mode { STORE_READ, STORE_WRITE, STORE_CREATE /* write; make it where absent */ };

/**
 * store_open() - open DIR.
 * @why: NULL, or room for 256 bytes: a line for a person that names the thing and the
 * cure. Filled on success too where there is something to know, else "".
 * Errors:  DT_ENOTFOUND, DT_EFOREIGN, DT_ENEWER, DT_ECORRUPT, -EACCES, DT_ENOSPACE.
 *          On error nothing on disk was changed.
 */
int store_open(const char *dir, enum store_mode mode, struct store **out, char *why) DT_MUST;
void store_close(struct store *s);

/**
 * store_commits() - batches that this process has made durable since it opened @s, and the
 * nanoseconds that took: sorting, writing, LMDB's sync. From any thread.
 */
uint64_t store_commits(const struct store *s, uint64_t *ns);

/* ---- writing ----------------------------------------------------------------- */

struct store_writer;

struct store_writer_opts {
	unsigned batch_records;    /* sort and commit at this many; 0 = 1,000,000 */
	unsigned batch_ms;         /* or when the oldest is this old; 0 = 10,000 */
	struct geo *geo;           /* resolved at write time; NULL = none */
	uint64_t disk_floor_bytes; /* stop cleanly below this much free; 0 = 512 MiB */
	unsigned bucket_s;         /* of the sightings log, at most 65,535; 0 = 600 */
	uint64_t disk_cap_bytes;   /* at it the oldest sealed segments go; 0 = 20 GiB */
	uint64_t retain_s;         /* segments older than this go; 0 = never for their age */
	void (*note)(void *ctx, const char *line); /* hears of each that goes; may be NULL */
	void *note_ctx;
};

int store_writer_new(struct store *s, const struct store_writer_opts *opts,
		     struct store_writer **out) DT_MUST;

/**
 * store_writer_room() - 0, or why no batch will be taken: DT_ENOSPACE below the floor,
 * DT_EFULL where the tables alone are over the cap.
 */
int store_writer_room(const struct store_writer *w) DT_MUST;

/** store_writer_put() - @ctx is the writer; the shape of an engine sink's put. */
int store_writer_put(void *ctx, const struct sighting *list, unsigned count);

/**
 * store_writer_list() - edges: what nodes answered when they were asked; the shape of an
 * engine sink's list. Durable in batches of two million edges and at the flush; the pieces
 * are joined when the epoch ends. Errors: DT_EREFUSED without an open epoch.
 */
int store_writer_list(void *ctx, const struct listing *list, unsigned count);

/** store_writer_flush() - commit now; all that was put is durable when 0 returns. */
int store_writer_flush(void *ctx);

/** store_writer_acknowledged() - sightings that are durable for certain. */
uint64_t store_writer_acknowledged(const struct store_writer *w);

/** store_writer_free() - does not commit: flush first. */
void store_writer_free(struct store_writer *w);

/** An epoch is one census. Ids count from 1. */
struct store_epoch {
	uint32_t id;
	uint64_t started_s, ended_s; /* ended 0 = still open or broken off */
	bool synthetic;              /* of a simulation */
	uint32_t report_bytes;       /* length of its report; 0 = none yet */
};

int store_epoch_begin(struct store *s, uint64_t started_s, bool synthetic, uint32_t *id) DT_MUST;
/**
 * store_epoch_beside() - another one while one is open, of a census of a part: what is put goes on
 * to be the open one's, as far as epochs tell it apart. Ended like any other.
 */
int store_epoch_beside(struct store *s, uint64_t started_s, bool synthetic, uint32_t *id) DT_MUST;
/** store_epoch_reopen() - go on with epoch @id, ended or not. Errors: DT_ENOTFOUND. */
int store_epoch_reopen(struct store *s, uint32_t id) DT_MUST;

/** store_epoch_end() - @report: the census report as one JSON object. */
int store_epoch_end(struct store *s, uint32_t id, uint64_t ended_s, const char *report,
		    size_t report_len) DT_MUST;

/**
 * store_compact() - rewrite the tables in key order with MDB_APPEND (the end of a
 * run): a new environment beside the old, swapped by rename. Readers that have
 * the old one open keep it.
 */
int store_compact(struct store *s) DT_MUST;

/**
 * store_resolve() - the same, and every node's place, network and country looked up anew in
 * @geo. store_compact() does that by itself where the writer's databases are others, by
 * kind, format and build date, than those of the last look at all nodes.
 * @changed: out, may be NULL: nodes that lie elsewhere now.
 */
int store_resolve(struct store *s, const struct geo *geo, uint64_t *changed) DT_MUST;

/**
 * store_seal() - what waits in the tables becomes an immutable segment below DIR/seg.
 * The writer does it by itself as the log grows, store_compact() at the end of a run.
 */
int store_seal(struct store *s) DT_MUST;

/**
 * store_migrate() - a store of an earlier schema becomes one of this.
 * @from: out, the schema it had; where that is today's nothing is done.
 * @why: room for 256 bytes.
 * On error, and after any end of the process, it is what it was.
 */
int store_migrate(const char *dir, unsigned *from, char *why) DT_MUST;

struct store_check_opts {
	/** a line that says what is broken and what is lost; the first hundred; may be NULL */
	void (*problem)(void *ctx, const char *line);
	/** what is looked at next; may be NULL */
	void (*step)(void *ctx, const char *what);
	void *ctx;
};

/**
 * store_check() - every invariant of store/README.md, in tables and segments; changes nothing.
 * @problems: out, how many were found.
 * Cost:    reads everything; a bit a node.
 */
int store_check(struct store *s, const struct store_check_opts *opts, uint64_t *problems) DT_MUST;

/**
 * store_backup() - a whole copy in @dir, which holds no store yet; also while a crawl writes.
 * Errors:  -EEXIST; DT_ENOSPACE; -EAGAIN it was sealed and joined faster than it could be copied.
 */
int store_backup(struct store *s, const char *dir) DT_MUST;

/** struct store_info - what lies where. */
struct store_info {
	unsigned schema, generation;
	uint32_t run;         /* of segments */
	uint64_t vantage;     /* 0 = none yet */
	uint64_t table_bytes; /* of data.mdb; of which */
	uint64_t used_bytes;  /* hold something */
	uint64_t log_bytes, log_segments, log_marks;
	uint64_t edge_bytes, edge_segments, edges, edge_vertices;
	uint64_t pending_chunks; /* of the log, not sealed yet */
	uint64_t free_bytes;     /* on its disk */
	uint32_t marks;          /* vantages whose segments were merged into it */
};
int store_view_info(struct store_view *v, struct store_info *out) DT_MUST;

struct store_merge_opts {
	/** called now and then: "nodes" or "marks", how many so far; may be NULL */
	void (*progress)(void *ctx, const char *what, uint64_t done);
	void *progress_ctx;
};

/**
 * store_merge() - @into becomes all that it and the stores in @dirs know: nodes, contacts,
 * epochs, log, edges. Order and repetition never matter: the tables and segments come out
 * equal byte for byte. Ordinals and epochs are numbered anew. Done whole or not at all.
 * @dirs: at most 256; they may be written meanwhile, a snapshot is taken.
 * @why: room for 256 bytes: a line for a person where it fails.
 * Cost:    4 bytes a node of each, 7 of all; room on the disk for the whole beside the old.
 */
int store_merge(struct store *into, const char *const *dirs, unsigned count,
		const struct store_merge_opts *opts, char *why) DT_MUST;

/* ---- reading ------------------------------------------------------------------- */

/** struct store_node - one node record, decoded. Node key is (id, endpoint). */
struct store_node {
	struct nodekey key;
	struct endpoint ep;
	uint64_t first_seen_s, last_seen_s;
	uint64_t first_answered_s, last_answered_s; /* 0 = never */
	uint32_t asn;
	uint32_t rtt_us;   /* off by 0.05 % at most */
	uint32_t ordinal;  /* its number in the sightings log: 0, 1, ... store_counts.nodes - 1;
			      for life in one store, dealt anew by a merge */
	uint16_t flags;    /* sighting_flag bits ever seen */
	uint16_t mentions; /* most of any epoch */
	uint8_t attempts, answers; /* of the last epoch */
	uint8_t ways;              /* bit per sighting_way */
	uint8_t node_class;
	uint8_t version[4], version_len;
	uint8_t color[3]; /* of its ASN (viz.md 4) */
	char country[3];
	bool has_point, country_level;
	float lat, lon, radius_km;
};

/** store_node_heard_only() - it asked us or was seen on a wire, and never answered us. */
static inline bool store_node_heard_only(const struct store_node *n)
{
	return !(n->ways & 1u << SIGHTING_ANSWERED) &&
	       (n->ways & (1u << SIGHTING_ASKED_US | 1u << SIGHTING_TAPPED));
}

struct store_view;

/** store_view_open() - a consistent snapshot; hold it for seconds, not minutes. */
int store_view_open(struct store *s, struct store_view **out) DT_MUST;
void store_view_close(struct store_view *v);

/** store_view_next() - the next node in key order. 1 and @out, 0 at the end, or an error. */
int store_view_next(struct store_view *v, struct store_node *out) DT_MUST;
void store_view_rewind(struct store_view *v);

/** store_view_seek() - go on behind this node, whether it is there or not. */
int store_view_seek(struct store_view *v, const struct nodekey *key,
		    const struct endpoint *ep) DT_MUST;

/** store_view_version() - grows with every commit of a generation; a number to compare. */
uint64_t store_view_version(const struct store_view *v);

/**
 * store_view_next_mentioned() - contacts never heard from under an id, by address.
 * The key is what others advertised, or unknown; no place: geo_lookup() where one is wanted.
 */
int store_view_next_mentioned(struct store_view *v, struct store_node *out) DT_MUST;

/**
 * store_view_find() - the node last seen at an endpoint.
 * Returns 1 and @out, 0 where nobody was heard there, or an error.
 */
int store_view_find(struct store_view *v, const struct endpoint *ep,
		    struct store_node *out) DT_MUST;

struct store_counts {
	uint64_t nodes;     /* rows of the node table */
	uint64_t mentioned; /* rows of the mentioned table; some may have answered since:
			       store_tally */
	uint64_t addresses; /* endpoints that were heard from */
	uint32_t epochs;
	uint64_t file_bytes;
};
int store_view_counts(struct store_view *v, struct store_counts *out) DT_MUST;

/** store_view_epoch() - epoch @id; @report gets up to @cap bytes of its JSON (may be 0). */
int store_view_epoch(struct store_view *v, uint32_t id, struct store_epoch *out, char *report,
		     size_t cap) DT_MUST;

/**
 * store_view_epoch_geo() - the geo databases that placed the nodes of epoch @id, with their
 * build dates, as one line; "" = none. Returns @out.
 */
char *store_view_epoch_geo(struct store_view *v, uint32_t id, char *out, size_t cap);

/** store_view_org() - name of a network, as kept in the store. Returns @out. */
char *store_view_org(struct store_view *v, uint32_t asn, char out[static GEO_ORG_MAX]);

/** store_view_attribution() - what the geo sources used while writing require. Returns @out. */
char *store_view_attribution(struct store_view *v, char *out, size_t cap);

enum { STORE_SECRET_BYTES = 32 };

/**
 * store_view_secret() - the store's own random bytes, which key the pseudonyms of its
 * addresses. Drawn once; copies of a store share them. Never show them to anybody.
 * Errors:  DT_ENOTFOUND in a store that was last written before there were any.
 */
int store_view_secret(struct store_view *v, uint8_t out[static STORE_SECRET_BYTES]) DT_MUST;

/* ---- the sightings log --------------------------------------------------------------- */

/**
 * DOC: who was heard when: for each bucket of time (600 s unless the writer was told
 * otherwise) each node that answered, asked us or was tapped in it, once. Nodes are
 * told by their ordinal, the number that store_node.ordinal has: walk the nodes once
 * and keep what is wanted of each under its ordinal, then walk the log.
 */
struct store_log;

/** What is wanted beside the ordinals: each column costs its reading. */
enum store_log_column {
	STORE_LOG_WAYS = 1 << 1,
	STORE_LOG_AFTER = 1 << 2,
	STORE_LOG_RTT = 1 << 3,
	STORE_LOG_FLAGS = 1 << 4,
	STORE_LOG_ALL = 31,
};

struct store_log_opts {
	uint64_t from_s, to_s; /* buckets that begin in [from, to); to 0 = no end */
	unsigned columns;      /* enum store_log_column */
};

/** struct store_log_block - borrowed until the next step; a column not asked for is NULL. */
struct store_log_block {
	uint64_t bucket_s; /* Unix time of its begin */
	uint32_t width_s;
	uint32_t count;
	const uint32_t *ordinal; /* rising */
	const uint8_t *ways;     /* bit per sighting_way */
	const uint16_t *after_s; /* first heard so long after the begin */
	const uint16_t *rtt;     /* least in it: store_rtt_us(); 0 = not measured */
	const uint16_t *flags;   /* sighting_flag bits, all that were met in it */
};

static inline uint32_t store_rtt_us(uint16_t rtt)
{
	return (uint32_t)(rtt & 4095) << (rtt >> 12);
}

/**
 * store_log_open() - the log as of @v; @v may be closed at once, a crawl may go on writing.
 * Ordinals are of @v's nodes: a log is read beside the view it was opened with.
 * Errors:  DT_ECORRUPT, DT_ENEWER, DT_ENOTFOUND a segment that retention took meanwhile.
 * Cost:    64 MiB at most for what is not sealed yet, 1 MB a source.
 */
int store_log_open(struct store_view *v, const struct store_log_opts *opts,
		   struct store_log **out) DT_MUST;
void store_log_close(struct store_log *l);

/**
 * store_log_next() - 1 and a block, 0 at the end, or an error. Buckets in time order; one of
 * more than 65,536 nodes comes in several blocks with the same bucket_s, ordinals rising.
 */
int store_log_next(struct store_log *l, struct store_log_block *out) DT_MUST;

/** struct store_log_span - what the log holds, by its indexes alone. */
struct store_log_span {
	uint64_t first_s, last_s; /* begins of the first and the last bucket; 0, 0 = nothing */
	uint64_t end_s;           /* end of the last */
	uint64_t marks;           /* node and bucket; at most, where pieces overlap */
};
void store_log_span(struct store_log *l, struct store_log_span *out);

/** struct store_session - a time without a gap in which a node was heard. */
struct store_session {
	uint64_t first_seen_s, last_seen_s;         /* of a bucket first heard, last heard in */
	uint64_t first_answered_s, last_answered_s; /* 0 = never in it */
	uint32_t buckets;
};

/**
 * store_sessions() - of node @ordinal, in time order.
 * @gap_s: silence as long as this ends one; 0 = two buckets.
 * @out: the first @cap of them.
 * Returns how many there are, or an error.
 * Cost: reads one block of every bucket that may have the node.
 */
int store_sessions(struct store_view *v, uint32_t ordinal, uint32_t gap_s,
		   struct store_session *out, unsigned cap) DT_MUST;

/* ---- edges ------------------------------------------------------------------------------- */

/**
 * DOC: who listed whom in a census (crawl --edges), as a graph of its own: vertices are
 * (id, endpoint) pairs in the order of store_view_next(), heard or only mentioned, and
 * their place in that order is their number. Edges come by (source, destination), each
 * once: as a CSR matrix wants them. Beside them the questions: who was asked for which
 * bucket, and what became of it. The bucket in which the source holds the destination
 * is nodeid_common_bits() of their ids.
 */
struct store_edges;

struct store_edges_info {
	uint32_t epoch;
	uint64_t vertices;
	uint64_t edges, questions; /* at most, unless exact */
	bool exact;                /* the census came to its end, so its pieces are joined */
};

struct store_vertex {
	struct nodekey key; /* as answered, or as listed */
	struct endpoint ep;
	bool answered; /* under this id */
};

struct store_edge {
	uint32_t src, dst; /* numbers of vertices */
	uint8_t depth;     /* bits that the question's target shared with the source's id:
			      LISTING_DEPTH_*; the least of several */
};

struct store_question {
	uint32_t src;
	uint32_t when_s;
	uint8_t depth;
	uint8_t outcome; /* enum listing_outcome: the best of several attempts */
	uint8_t listed;  /* contacts in the answer */
};

/**
 * store_edges_open() - of epoch @epoch; 0 = the last that has any.
 * @v may be closed at once.
 * Errors:  DT_ENOTFOUND that epoch has none; DT_ECORRUPT.
 * Cost:    nothing for a census that came to its end; else a walk over all vertices and
 *          4 bytes for each of each piece.
 */
int store_edges_open(struct store_view *v, uint32_t epoch, struct store_edges **out) DT_MUST;
void store_edges_close(struct store_edges *e);
void store_edges_info(const struct store_edges *e, struct store_edges_info *out);

/* Vertices, then edges, then questions; a part may be left out or broken off. Each gives
 * 1 and a row, 0 at the end, or an error. */
int store_edges_next_vertex(struct store_edges *e, struct store_vertex *out) DT_MUST;
int store_edges_next(struct store_edges *e, struct store_edge *out) DT_MUST;
int store_edges_next_question(struct store_edges *e, struct store_question *out) DT_MUST;
void store_edges_rewind(struct store_edges *e);

/* ---- tallies ----------------------------------------------------------------------- */

struct store_tally_row {
	char name[GEO_ORG_MAX];
	uint32_t asn; /* for networks */
	uint64_t nodes;
};

enum { STORE_TALLY_TOP = 20, STORE_CLASSES = 32 };

/** What a client was seen to do; what was never asked of it was not seen. */
enum store_support_kind {
	STORE_SUPPORT_32,     /* gave nodes6 */
	STORE_SUPPORT_33,     /* gave bloom filters */
	STORE_SUPPORT_42_IP,  /* told us our address */
	STORE_SUPPORT_42_ID,  /* its id fits its address */
	STORE_SUPPORT_43,     /* said ro=1 */
	STORE_SUPPORT_44,     /* gave a token to get */
	STORE_SUPPORT_51,     /* gave samples */
	STORE_SUPPORT_TOKEN,  /* gave a token to get_peers (BEP 5) */
	STORE_SUPPORT_ERRORS, /* answered with an error at least once */
	STORE_SUPPORTS
};

/** store_support_name() - "bep32", "bep42_ip", ... */
const char *store_support_name(enum store_support_kind kind);

struct store_support {
	char name[GEO_ORG_MAX];
	uint64_t nodes, seen[STORE_SUPPORTS];
	/* Of the nodes such as a survey asked, and what was seen of those: who was not asked for
	 * a thing has not shown it. */
	uint64_t surveyed, seen_surveyed[STORE_SUPPORTS];
};

struct store_tally {
	uint64_t by_way[SIGHTING_WAYS]; /* nodes known by this way, whatever others too */
	uint64_t heard_only;            /* store_node_heard_only(); never among the answered */
	uint64_t answered_nodes, distinct_ids, distinct_addresses;
	uint64_t mentioned_only;
	uint64_t located, country_level, unlocated, without_asn;
	uint64_t networks, countries;
	struct store_tally_row top_networks[STORE_TALLY_TOP], top_countries[STORE_TALLY_TOP],
		top_clients[STORE_TALLY_TOP],  /* families: "libtorrent" */
		top_versions[STORE_TALLY_TOP]; /* "libtorrent 2.0" */
	unsigned network_rows, country_rows, client_rows, version_rows;
	uint64_t bep42_ok, with_version, read_only, ip_vote;
	uint64_t first_seen_s, last_seen_s;
	uint64_t classes[STORE_CLASSES];  /* by enum sighting_class */
	uint64_t reach[SIGHTING_REACHES]; /* of all nodes, such as only asked us among them */
	/* What was seen of each version's nodes, the most frequent versions first; a row without
	 * a name: all that sent none; the last row: everybody. */
	struct store_support support[STORE_TALLY_TOP + 2];
	unsigned support_rows;
};

/** store_tally() - one scan. Cost: see bench store_scan. */
int store_tally(struct store_view *v, struct store_tally *out) DT_MUST;

/* ---- colour --------------------------------------------------------------------------- */

/** asn_color() - sRGB of the ASN-hash palette: OKLCH L .74 C .125, hue by splitmix64 (viz.md 4). */
void asn_color(uint32_t asn, uint8_t rgb[static 3]);

/** asn_hue() - the palette's entry that a network has; the unknown, 0, is grey all the same. */
unsigned asn_hue(uint32_t asn);

/** asn_color_of_hue() - the palette's entry @hue of ASN_COLOR_HUES. */
enum { ASN_COLOR_HUES = 4096 };
void asn_color_of_hue(unsigned hue, uint8_t rgb[static 3]);

#endif
