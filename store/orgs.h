/* SPDX-License-Identifier: MIT */
#ifndef STORE_ORGS_H
#define STORE_ORGS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/geo.h"
#include "store/intset.h"
#include "store/kv.h"

/**
 * DOC: names of networks and the attribution that the geo sources require,
 * kept beside the nodes so that a picture needs no database. A writer names
 * each network once per run.
 */

enum { ORGS_KEY_BYTES = 4, ORGS_ATTRIBUTION_MAX = 1024 };

struct orgs {
	/* private */
	struct intset met;
	uint32_t *fresh; /* noted in this batch, not yet named */
	uint32_t fresh_count, fresh_cap;
	bool attributed;
};

void orgs_init(struct orgs *o);
void orgs_fini(struct orgs *o);

/** orgs_note() - @asn occurs; 0 is nobody. Errors: -ENOMEM. */
int orgs_note(struct orgs *o, uint32_t asn) DT_MUST;

/** orgs_write() - put the names of what was noted since the last commit. */
int orgs_write(struct orgs *o, struct kv_txn *txn, const struct geo *geo) DT_MUST;

/** orgs_settle() - the transaction ended; where it failed all is noted anew. */
void orgs_settle(struct orgs *o, bool committed);

void orgs_key(uint32_t asn, uint8_t out[static ORGS_KEY_BYTES]);

/** orgs_attribution() - what stands in the meta table; "" where nothing. Returns @out. */
char *orgs_attribution(struct kv_txn *txn, char *out, size_t cap);

#endif
