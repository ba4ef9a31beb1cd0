/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_STORE_MODEL_H
#define TESTS_SUPPORT_STORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"
#include "tests/support/rng.h"

/**
 * DOC: the store as a fool would write it: one array, searched from the front,
 * one sighting folded in at a time. The oracle of writer, view and compaction.
 */
struct model_row {
	struct store_node n;
	uint64_t epoch_s;
	uint64_t heard_s, answered_s; /* last times but for closing words; 0 = never */
	bool contact;
};

struct model {
	struct model_row *rows;
	size_t count, cap;
};

void model_init(struct model *m);
void model_fini(struct model *m);

/** model_put() - what store_writer_put() should do with one sighting. */
void model_put(struct model *m, const struct sighting *s, uint64_t epoch_s);

/** model_sort() - into the order of store_view_next(), contacts behind. */
void model_sort(struct model *m);

/** model_is_hidden() - a contact whose endpoint was heard under an id. */
bool model_is_hidden(const struct model *m, const struct model_row *contact);

/** model_differs() - the name of the first field in which two nodes differ, or NULL. */
const char *model_differs(const struct store_node *a, const struct store_node *b);

/**
 * model_sighting() - a random one; few ids and endpoints, so that they meet:
 * same node again, two ids at one endpoint, one id at many endpoints.
 */
struct sighting model_sighting(struct rng *r, unsigned variety);

#endif
