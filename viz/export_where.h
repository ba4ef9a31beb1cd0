/* SPDX-License-Identifier: MIT */
#ifndef VIZ_EXPORT_WHERE_H
#define VIZ_EXPORT_WHERE_H

#include <stdbool.h>

#include "proto/krpc.h"
#include "store/store.h"

/** DOC: which nodes an export takes: conditions that must all hold. */
struct export_where {
	bool by_asn, by_country, by_client, by_prefix, by_class, by_way;
	uint32_t asn;
	char country[3];
	enum krpc_client client;
	struct endpoint prefix; /* a true address, never a pseudonym */
	unsigned prefix_bits;   /* of 128; an IPv4 prefix has its 96 more */
	uint8_t node_class;
	bool heard_only; /* class=heard-only: follows from the ways, stands in no record */
	uint8_t way;     /* enum sighting_way: it was ever learnt of so */
};

/**
 * export_where_add() - "asn=3320", "country=DE", "client=libtorrent",
 * "prefix=11.0.0.0/8", "class=1", "class=heard-only", "way=answered", or several with commas
 * between.
 * @why: a line for a person where it fails.
 * Errors:  DT_EMALF; DT_ERANGE; -EEXIST a key given twice.
 */
int export_where_add(struct export_where *w, const char *text, char why[static 256]) DT_MUST;

static inline bool export_where_is_all(const struct export_where *w)
{
	return !w->by_asn && !w->by_country && !w->by_client && !w->by_prefix && !w->by_class &&
	       !w->by_way;
}

bool export_where_holds(const struct export_where *w, const struct store_node *n);

/** export_where_client() - the family that a node's tag tells. */
enum krpc_client export_where_client(const struct store_node *n);

#endif
