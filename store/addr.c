/* SPDX-License-Identifier: MIT */
#include "store/addr.h"

#include <string.h>

/* As many ids as one may plant under 32 equal bits before a lookup gives up. */
enum { IDS_MAX = 65536 };

bool addr_later(uint32_t a_s, const uint8_t a[static RECORD_ADDR_BYTES], uint32_t b_s,
		const uint8_t b[static RECORD_ADDR_BYTES])
{
	return a_s != b_s ? a_s > b_s : memcmp(a, b, RECORD_ADDR_BYTES) > 0;
}

/* The first id at or after @from that begins with @id4. */
static int next_id(struct kv_cursor *c, const uint8_t *id4, struct span from, struct nodeid *id)
{
	struct span key, val;
	int rc = kv_cursor_seek(c, from, &key, &val);

	if (rc <= 0)
		return rc;
	if (key.len < NODEID_BYTES)
		return DT_ECORRUPT;
	memcpy(id->b, key.ptr, NODEID_BYTES);
	return memcmp(id->b, id4, RECORD_ADDR_BYTES) == 0;
}

static int get_exact(struct kv_cursor *c, struct span wanted, struct record *out)
{
	struct span key, val;
	int rc = kv_cursor_seek(c, wanted, &key, &val);

	if (rc <= 0 || !span_equal(key, wanted))
		return rc < 0 ? rc : 0;
	rc = record_decode(val, out);
	return rc < 0 ? rc : 1;
}

int addr_find(struct kv_cursor *c, const struct endpoint *ep,
	      const uint8_t id4[static RECORD_ADDR_BYTES], struct nodeid *id, struct record *out)
{
	uint8_t key[RECORD_KEY_MAX], after[RECORD_KEY_MAX];
	struct span from = span_of(id4, RECORD_ADDR_BYTES);
	struct nodeid candidate;
	struct record r;
	int found = 0;

	for (unsigned i = 0; i < IDS_MAX; i++) {
		int rc = next_id(c, id4, from, &candidate);

		if (rc <= 0)
			return rc < 0 ? rc : found;
		rc = get_exact(c, span_of(key, record_key(&candidate, ep, key)), &r);
		if (rc < 0)
			return rc;
		if (rc == 1 && (!found || r.last_seen_s >= out->last_seen_s)) {
			*out = r;
			*id = candidate;
			found = 1;
		}
		memset(after, 0xff, sizeof(after));
		memcpy(after, candidate.b, NODEID_BYTES);
		from = span_of(after, sizeof(after));
	}
	return found;
}
