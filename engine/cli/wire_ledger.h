/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_WIRE_LEDGER_H
#define ENGINE_CLI_WIRE_LEDGER_H

#include <stdint.h>

#include "proto/err.h"
#include "store/geo.h"

/**
 * DOC: packets by network (ASN), for the ledger of politeness. Gates count by /16;
 * once a second the new ones are dealt to the networks of each /16, by their share of
 * its addresses, and the last eleven seconds summed up: about what a network saw in
 * any ten. About, because a /16 of many networks is not asked evenly.
 */
struct wire_ledger;

enum { LEDGER_NETS16 = 1 << 16 };

/** wire_ledger_new() - @geo is borrowed and may be replaced with wire_ledger_geo(). */
int wire_ledger_new(const struct geo *geo, struct wire_ledger **out) DT_MUST;
void wire_ledger_free(struct wire_ledger *l);

/** wire_ledger_tick() - @sent: packets so far, by the upper 16 bits of the address. Once a second.
 */
void wire_ledger_tick(struct wire_ledger *l, const uint32_t sent[static LEDGER_NETS16]);

/** wire_ledger_worst() - most packets to one network in some ten seconds; 0 where none is known. */
uint64_t wire_ledger_worst(const struct wire_ledger *l, uint32_t *asn);

#endif
