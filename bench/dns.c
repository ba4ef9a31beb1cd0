/* SPDX-License-Identifier: MIT */
#include "bench/dns.h"

#include <stdio.h>
#include <string.h>

enum {
	HEAD_BYTES = 12,
	TYPE_AND_CLASS = 4,
	LABEL_MAX = 63,
	RECORD_BYTES = 16,
	FLAG_REPLY = 0x80,     /* of the third byte */
	FLAG_AUTHORITY = 0x04, /* likewise */
	FLAG_RECURSION = 0x01, /* likewise; copied (RFC 1035 4.1.1) */
};

int dns_name(unsigned i, unsigned query_bytes, char out[static DNS_QUERY_MAX])
{
	/* A name takes one byte more than its text for the first label's length, one for the end.
	 */
	unsigned len = query_bytes - HEAD_BYTES - TYPE_AND_CLASS - 2, label;
	int n;

	if (query_bytes < DNS_QUERY_MIN || query_bytes > DNS_QUERY_MAX || i > 999999)
		return DT_ERANGE;
	n = snprintf(out, DNS_QUERY_MAX, "n%06u.", i);
	label = 0;
	for (unsigned at = (unsigned)n; at < len; at++) {
		/* No label of nothing: the last byte is never a dot. */
		bool dot = label == LABEL_MAX || (label == LABEL_MAX - 1 && at + 2 == len);

		out[at] = dot ? '.' : (char)('a' + (at + i) % 26);
		label = dot ? 0 : label + 1;
	}
	out[len] = 0;
	return 0;
}

uint32_t dns_query(const char *name, uint16_t id, uint8_t out[static DNS_QUERY_MAX])
{
	static const uint8_t tail[1 + TYPE_AND_CLASS] = { 0, 0, 1, 0, 1 }; /* root; A; IN */
	uint8_t *p = out + HEAD_BYTES;

	memset(out, 0, HEAD_BYTES);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = FLAG_RECURSION;
	out[5] = 1; /* question */
	while (*name) {
		size_t label = strcspn(name, ".");

		*p++ = (uint8_t)label;
		p = (uint8_t *)memcpy(p, name, label) + label;
		name += label + (name[label] == '.');
	}
	memcpy(p, tail, sizeof(tail));
	return (uint32_t)(p + sizeof(tail) - out);
}

/* Where the first question ends; 0 = nowhere. */
static uint32_t question_end(struct span q)
{
	size_t at = HEAD_BYTES;

	while (at < q.len && q.ptr[at]) {
		if (q.ptr[at] > LABEL_MAX)
			return 0;
		at += 1u + q.ptr[at];
	}
	at += 1 + TYPE_AND_CLASS;
	return at <= q.len && at <= DNS_QUERY_MAX ? (uint32_t)at : 0;
}

uint32_t dns_answer(struct span query, uint32_t bytes, uint8_t *reply, uint32_t max)
{
	/* The name is that of the question; A; IN; a minute; 192.0.2.x (RFC 5737). */
	static const uint8_t record[RECORD_BYTES] = { 0xc0, HEAD_BYTES, 0, 1, 0,   1, 0, 0,
						      0,    60,         0, 4, 192, 0, 2, 1 };
	uint32_t len = query.len < HEAD_BYTES ? 0 : question_end(query), count;

	if (!len || query.ptr[2] & FLAG_REPLY || query.ptr[4] || query.ptr[5] != 1)
		return 0;
	count = bytes > len + RECORD_BYTES ? (bytes - len) / RECORD_BYTES : 1;
	if (len + count * RECORD_BYTES > max || count > 255)
		return 0;
	memcpy(reply, query.ptr, len);
	memset(reply + 2, 0, HEAD_BYTES - 2);
	reply[2] = (uint8_t)(FLAG_REPLY | FLAG_AUTHORITY | (query.ptr[2] & FLAG_RECURSION));
	reply[5] = 1;
	reply[7] = (uint8_t)count;
	for (uint32_t i = 0; i < count; i++, len += RECORD_BYTES)
		memcpy(reply + len, record, RECORD_BYTES);
	return len;
}
