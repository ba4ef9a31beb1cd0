/* SPDX-License-Identifier: MIT */
#include "store/vantage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "store/le.h"

static const struct span own_key = { (const uint8_t *)"vantage", 7 };
static const char prefix[] = "wm/";

int vantage_get(struct kv_txn *txn, uint64_t *out)
{
	struct span val;
	int rc = kv_get(txn, KV_META, own_key, &val);

	if (rc <= 0)
		return rc;
	if (val.len != 8)
		return DT_ECORRUPT;
	*out = le_get64(val.ptr);
	return 1;
}

int vantage_ensure(struct kv_txn *txn, uint64_t *out)
{
	uint8_t bytes[8];
	int rc = vantage_get(txn, out);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	*out = le_get64(bytes);
	return kv_put(txn, KV_META, own_key, span_of(bytes, sizeof(bytes)));
}

struct span vantage_key(uint64_t vantage, uint8_t out[static VANTAGE_KEY_BYTES])
{
	char text[VANTAGE_KEY_BYTES + 1];

	snprintf(text, sizeof(text), "%s%016llx", prefix, (unsigned long long)vantage);
	memcpy(out, text, VANTAGE_KEY_BYTES);
	return span_of(out, VANTAGE_KEY_BYTES);
}

bool vantage_is_mark(struct span key)
{
	return key.len == VANTAGE_KEY_BYTES && memcmp(key.ptr, prefix, 3) == 0;
}

void vantage_encode(const struct vantage_mark *m, uint8_t out[static VANTAGE_MARK_BYTES])
{
	le_put32(out, m->run);
	le_put32(out + 4, m->segment);
	le_put64(out + 8, m->chunk);
}

int vantage_decode(struct span val, struct vantage_mark *out)
{
	if (val.len != VANTAGE_MARK_BYTES)
		return DT_ECORRUPT;
	*out = (struct vantage_mark){ .run = le_get32(val.ptr),
				      .segment = le_get32(val.ptr + 4),
				      .chunk = le_get64(val.ptr + 8) };
	return 0;
}

bool vantage_later(const struct vantage_mark *a, const struct vantage_mark *b)
{
	if (a->run != b->run)
		return a->run > b->run;
	if (a->segment != b->segment)
		return a->segment > b->segment;
	return a->chunk > b->chunk;
}
