/* SPDX-License-Identifier: MIT */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "proto/sighting.h"
#include "store/record.h"

/**
 * DOC: two things known of one node become one. Merging is commutative,
 * associative and idempotent, so it makes no difference in which order, how
 * often and by how many programs something was learnt: a batch repeated after
 * a crash, two vantage points, a store merged with itself.
 *
 * What is of an epoch (attempts, answers, client) is taken from the later
 * epoch whole; within one epoch it is the greatest. Everything else is a
 * least, a greatest or a union.
 */

/**
 * merge_from_sighting() - what one sighting says, as a record without a place.
 * The closing word of a census (SIGHTING_FINAL) is spoken long after the node was heard:
 * its time is the latest that the first may have been, and says nothing of the last.
 */
struct record merge_from_sighting(const struct sighting *s, uint32_t epoch_s);
struct record_contact merge_contact_from_sighting(const struct sighting *s, uint32_t epoch_s);

/** merge_record() - @into becomes both. */
void merge_record(struct record *into, const struct record *other);
void merge_contact(struct record_contact *into, const struct record_contact *other);

#endif
