/* SPDX-License-Identifier: MIT */
#include "store/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

struct pack {
	ZSTD_CCtx *in;
	ZSTD_DCtx *out;
	uint8_t *raw, *frame;
	size_t raw_cap, frame_cap;
};

int pack_new(struct pack **out)
{
	struct pack *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->in = ZSTD_createCCtx();
	p->out = ZSTD_createDCtx();
	if (!p->in || !p->out) {
		pack_free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->in);
	ZSTD_freeDCtx(p->out);
	free(p->raw);
	free(p->frame);
	free(p);
}

static int reserve(uint8_t **buffer, size_t *have, size_t want)
{
	uint8_t *now;

	if (want <= *have)
		return 0;
	now = realloc(*buffer, want);
	if (!now)
		return -ENOMEM;
	*buffer = now;
	*have = want;
	return 0;
}

int pack_begin(struct pack *p, size_t cap, uint8_t **at)
{
	int rc = reserve(&p->raw, &p->raw_cap, cap);

	if (rc == 0)
		*at = p->raw;
	return rc;
}

int pack_end(struct pack *p, const uint8_t *end, int level, struct span *frame)
{
	size_t len = (size_t)(end - p->raw), n;
	int rc = reserve(&p->frame, &p->frame_cap, ZSTD_compressBound(len));

	if (rc < 0)
		return rc;
	ZSTD_CCtx_setParameter(p->in, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(p->in, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(p->in, p->frame, p->frame_cap, p->raw, len);
	if (ZSTD_isError(n))
		return -ENOMEM;
	*frame = span_of(p->frame, n);
	return 0;
}

int pack_expand(struct pack *p, struct span frame, size_t max, struct span *raw)
{
	size_t n;
	int rc = reserve(&p->raw, &p->raw_cap, max);

	if (rc < 0)
		return rc;
	n = ZSTD_decompressDCtx(p->out, p->raw, max, frame.ptr, frame.len);
	if (ZSTD_isError(n))
		return DT_ECORRUPT;
	*raw = span_of(p->raw, n);
	return 0;
}

const uint8_t *unpack_bytes(struct unpack *u, size_t len)
{
	const uint8_t *p = u->p;

	if (len > (size_t)(u->end - u->p))
		return NULL;
	u->p += len;
	return p;
}
