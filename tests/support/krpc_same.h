/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_KRPC_SAME_H
#define TESTS_SUPPORT_KRPC_SAME_H

#include "proto/krpc.h"

/** krpc_same() - do two readings of one datagram say the same, byte for byte of it? */
static inline bool krpc_same(const struct krpc_msg *a, const struct krpc_msg *b)
{
	const struct {
		struct span a, b;
	} all[] = { { a->method_name, b->method_name },
		    { a->t, b->t },
		    { a->v, b->v },
		    { a->id, b->id },
		    { a->target, b->target },
		    { a->info_hash, b->info_hash },
		    { a->token, b->token },
		    { a->nodes, b->nodes },
		    { a->nodes6, b->nodes6 },
		    { a->values, b->values },
		    { a->samples, b->samples },
		    { a->ip, b->ip },
		    { a->error_text, b->error_text } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].a.ptr != all[i].b.ptr || all[i].a.len != all[i].b.len)
			return false;
	return a->kind == b->kind && a->method == b->method && a->num == b->num &&
	       a->interval == b->interval && a->port == b->port && a->error_code == b->error_code &&
	       a->values_count == b->values_count && a->want == b->want && a->ro == b->ro &&
	       a->implied_port == b->implied_port && a->has_r == b->has_r && a->odd == b->odd;
}

#endif
