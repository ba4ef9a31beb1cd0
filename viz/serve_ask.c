/* SPDX-License-Identifier: MIT */
#include "viz/serve_ask.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 128 /* a cursor is 76, the longest prefix 43 */ };

static int say(char *why, const char *key, const char *what)
{
	snprintf(why, ASK_WHY_MAX, "%.40s: %s", key, what);
	return DT_EMALF;
}

static int whole_number(const char *s, uint64_t max, uint64_t *out)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return DT_EMALF;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (*end || errno || n > max)
		return DT_EMALF;
	*out = n;
	return 0;
}

/* "answered", "asked-us,tapped": bits of enum sighting_way. */
static int parse_ways(struct serve_ask *a, const char *text, char *why)
{
	a->ways = 0;
	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		unsigned way = 0;

		while (way < SIGHTING_WAYS && (strlen(sighting_way_name(way)) != len ||
					       strncmp(sighting_way_name(way), p, len) != 0))
			way++;
		if (way == SIGHTING_WAYS)
			return say(why, "way", "one or more of answered, asked-us, tapped");
		a->ways |= (uint8_t)(1u << way);
		p += len;
		if (!*p)
			return 0;
	}
}

static int parse_where(struct serve_ask *a, const char *key, const char *value, char *why)
{
	char text[VALUE_MAX + 16];

	if (strchr(value, ','))
		return say(why, key, "one value");
	snprintf(text, sizeof(text), "%s=%s", key, value);
	return export_where_add(&a->where, text, why);
}

static int parse_limit(struct serve_ask *a, const char *value, char *why)
{
	char what[64];
	uint64_t n;

	snprintf(what, sizeof(what), "1 to %u", a->limit_max);
	if (whole_number(value, a->limit_max, &n) < 0 || !n)
		return say(why, "limit", what);
	a->limit = (uint32_t)n;
	return 0;
}

/* ---- the cursor: id, address and port of the last node of a page, in hex ---------------- */

char *serve_cursor(const struct nodekey *key, const struct endpoint *ep,
		   char out[static ASK_CURSOR_HEX + 1])
{
	uint8_t raw[ASK_CURSOR_HEX / 2];

	memcpy(raw, key->b, NODEKEY_BYTES);
	memcpy(raw + NODEKEY_BYTES, ep->addr, 16);
	raw[NODEKEY_BYTES + 16] = (uint8_t)(ep->port >> 8);
	raw[NODEKEY_BYTES + 17] = (uint8_t)ep->port;
	return sodium_bin2hex(out, ASK_CURSOR_HEX + 1, raw, sizeof(raw));
}

static int parse_cursor(struct serve_ask *a, const char *text, char *why)
{
	uint8_t raw[ASK_CURSOR_HEX / 2];
	size_t len;

	if (strlen(text) != ASK_CURSOR_HEX ||
	    sodium_hex2bin(raw, sizeof(raw), text, ASK_CURSOR_HEX, NULL, &len, NULL) ||
	    len != sizeof(raw))
		return say(why, "after", "the next of an earlier page");
	a->key = (struct nodekey){ .bits = 160 };
	memcpy(a->key.b, raw, NODEKEY_BYTES);
	memcpy(a->ep.addr, raw + NODEKEY_BYTES, 16);
	a->ep.port = (uint16_t)(raw[NODEKEY_BYTES + 16] << 8 | raw[NODEKEY_BYTES + 17]);
	a->has_cursor = true;
	return 0;
}

/* ---- the query --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned bit;
} keys[] = {
	{ "asn", ASK_WHERE },    { "country", ASK_WHERE }, { "client", ASK_WHERE },
	{ "prefix", ASK_WHERE }, { "class", ASK_WHERE },   { "way", ASK_WAY },
	{ "since", ASK_SINCE },  { "limit", ASK_LIMIT },   { "after", ASK_AFTER | ASK_CURSOR },
};

enum { KEYS = sizeof(keys) / sizeof(*keys) };

static int unknown(unsigned known, const char *key, char *why)
{
	int at = snprintf(why, ASK_WHY_MAX, "%.40s: not asked for here; there are", key);

	for (unsigned i = 0; i < KEYS && at < ASK_WHY_MAX; i++)
		if (keys[i].bit & known)
			at += snprintf(why + at, ASK_WHY_MAX - (size_t)at, " %s", keys[i].name);
	if (!known)
		snprintf(why, ASK_WHY_MAX, "%.40s: nothing can be asked for here", key);
	return DT_EMALF;
}

int serve_ask_put(struct serve_ask *a, unsigned known, const char *key, const char *value,
		  size_t len, char why[static ASK_WHY_MAX])
{
	unsigned i = 0;

	while (i < KEYS && strcmp(key, keys[i].name) != 0)
		i++;
	if (i == KEYS || !(keys[i].bit & known))
		return unknown(known, key, why);
	if (!value || !len)
		return say(why, key, "needs a value");
	if (strlen(value) != len || len > VALUE_MAX)
		return say(why, key, "not a value that it could have");
	switch (keys[i].bit & known) {
	case ASK_WHERE:
		return parse_where(a, key, value, why);
	case ASK_WAY:
		return parse_ways(a, value, why);
	case ASK_LIMIT:
		return parse_limit(a, value, why);
	case ASK_CURSOR:
		return parse_cursor(a, value, why);
	case ASK_SINCE:
		return whole_number(value, UINT64_MAX, &a->since) < 0
			       ? say(why, key, "a seq of this stream")
			       : 0;
	default:
		return whole_number(value, UINT32_MAX, &a->after) < 0
			       ? say(why, key, "the next of an earlier page")
			       : 0;
	}
}

/* ---- heads ------------------------------------------------------------------------------- */

bool serve_accepts(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " \t");
		if (!strncasecmp(p, word, len) && strchr(" ;,\t", p[len])) {
			const char *q = strstr(p, "q="), *end = p + strcspn(p, ",");

			return !q || q > end || strtod(q + 2, NULL) > 0;
		}
	}
	return false;
}

static bool is_number(const char *host)
{
	uint8_t raw[16];
	char six[ASK_HOST_MAX];
	size_t len = strlen(host);

	if (*host != '[' || len < 2 || host[len - 1] != ']')
		return inet_pton(AF_INET, host, raw) == 1;
	memcpy(six, host + 1, len - 2);
	six[len - 2] = 0;
	return inet_pton(AF_INET6, six, raw) == 1;
}

bool serve_host_fits(const char *host, const char *const *names)
{
	char name[ASK_HOST_MAX];
	const char *colon = strrchr(host, ':');
	size_t len = strlen(host);

	/* the port, where there is one; the colons of [::1] are inside */
	if (colon && colon[1 + strspn(colon + 1, "0123456789")] == 0)
		len = (size_t)(colon - host);
	if (!len || len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = 0;
	if (is_number(name) || !strcasecmp(name, "localhost"))
		return true;
	for (; names && *names; names++)
		if (!strcasecmp(name, *names))
			return true;
	return false;
}
