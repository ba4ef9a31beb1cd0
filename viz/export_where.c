/* SPDX-License-Identifier: MIT */
#include "viz/export_where.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 64 /* the longest that is right is an IPv6 prefix */ };

__attribute__((format(printf, 3, 4))) static int say(char *why, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, 256, fmt, ap);
	va_end(ap);
	return rc;
}

/* A whole number up to @max, and nothing beside it. */
static int parse_number(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return DT_EMALF;
	errno = 0;
	*out = strtoul(s, &end, 10);
	if (*end)
		return DT_EMALF;
	return errno || *out > max ? DT_ERANGE : 0;
}

static int parse_asn(struct export_where *w, const char *s, char *why)
{
	unsigned long n;
	int rc = parse_number(strncasecmp(s, "AS", 2) ? s : s + 2, UINT32_MAX, &n);

	if (rc < 0)
		return say(why, rc, "asn: '%s' is not a network's number", s);
	w->asn = (uint32_t)n;
	return 0;
}

static int parse_country(struct export_where *w, const char *s, char *why)
{
	if (strlen(s) != 2 || !isalpha((unsigned char)s[0]) || !isalpha((unsigned char)s[1]))
		return say(why, DT_EMALF, "country: '%s' is not two letters of ISO 3166-1", s);
	w->country[0] = (char)toupper((unsigned char)s[0]);
	w->country[1] = (char)toupper((unsigned char)s[1]);
	return 0;
}

static int parse_client(struct export_where *w, const char *s, char *why)
{
	int at;

	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES; c++) {
		if (strcasecmp(s, krpc_client_name((enum krpc_client)c)) == 0) {
			w->client = (enum krpc_client)c;
			return 0;
		}
	}
	at = snprintf(why, 256, "client: '%s' is none of", s);
	for (unsigned c = 0; c < KRPC_CLIENT_FAMILIES && at < 256; c++)
		at += snprintf(why + at, 256 - (size_t)at, " %s",
			       krpc_client_name((enum krpc_client)c));
	return DT_EMALF;
}

static int parse_prefix(struct export_where *w, const char *s, char *why)
{
	struct in6_addr six;
	struct in_addr four;
	char host[WORD_MAX];
	const char *slash = strchr(s, '/');
	unsigned long bits, most;

	snprintf(host, sizeof(host), "%.*s", (int)(slash ? slash - s : (long)strlen(s)), s);
	if (inet_pton(AF_INET, host, &four) == 1) {
		w->prefix = endpoint_ip4(ntohl(four.s_addr), 0);
		most = 32;
	} else if (inet_pton(AF_INET6, host, &six) == 1) {
		memcpy(w->prefix.addr, &six, 16);
		most = 128;
	} else {
		return say(why, DT_EMALF, "prefix: '%s' is not like 11.0.0.0/8 or 2001:db8::/32",
			   s);
	}
	bits = most;
	if (slash && parse_number(slash + 1, most, &bits) < 0)
		return say(why, DT_ERANGE, "prefix: '%s': its length is not from 0 to %lu", s,
			   most);
	w->prefix_bits = (unsigned)(bits + 128 - most);
	return 0;
}

static int parse_class(struct export_where *w, const char *s, char *why)
{
	enum { CLASS_MAX = 31 };
	unsigned long n;

	w->heard_only = !strcmp(s, "heard-only");
	if (w->heard_only)
		return 0;
	for (n = 0; n < SIGHTING_CLASSES; n++)
		if (!strcmp(s, sighting_class_name((unsigned)n))) {
			w->node_class = (uint8_t)n;
			return 0;
		}
	if (parse_number(s, CLASS_MAX, &n) < 0)
		return say(why, DT_EMALF,
			   "class: '%s' is neither heard-only, nor a name (normal, clone, liar, "
			   "...), nor "
			   "a number from 0 to %d",
			   s, CLASS_MAX);
	w->node_class = (uint8_t)n;
	return 0;
}

static int parse_way(struct export_where *w, const char *s, char *why)
{
	for (unsigned way = 0; way < SIGHTING_WAYS; way++) {
		if (strcmp(s, sighting_way_name(way)) == 0) {
			w->way = (uint8_t)way;
			return 0;
		}
	}
	return say(why, DT_EMALF, "way: '%s' is not answered, mentioned, asked-us or tapped", s);
}

struct key {
	const char *name;
	size_t given; /* where the flag lies */
	int (*parse)(struct export_where *w, const char *s, char *why);
};

static const struct key keys[] = {
	{ "asn", offsetof(struct export_where, by_asn), parse_asn },
	{ "country", offsetof(struct export_where, by_country), parse_country },
	{ "client", offsetof(struct export_where, by_client), parse_client },
	{ "prefix", offsetof(struct export_where, by_prefix), parse_prefix },
	{ "class", offsetof(struct export_where, by_class), parse_class },
	{ "way", offsetof(struct export_where, by_way), parse_way },
};

static int add_one(struct export_where *w, const char *word, char *why)
{
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t n = strlen(keys[i].name);
		bool *given = (bool *)((char *)w + keys[i].given);
		int rc;

		if (strncmp(word, keys[i].name, n) || word[n] != '=')
			continue;
		if (*given)
			return say(why, -EEXIST, "%s: given twice, and all must hold",
				   keys[i].name);
		rc = keys[i].parse(w, word + n + 1, why);
		*given = rc == 0;
		return rc;
	}
	return say(why, DT_EMALF,
		   "'%s' is not KEY=VALUE with asn, country, client, prefix, class or way", word);
}

int export_where_add(struct export_where *w, const char *text, char why[static 256])
{
	char word[WORD_MAX];
	int rc = 0;

	do {
		size_t n = strcspn(text, ",");

		if (n >= sizeof(word))
			return say(why, DT_EMALF, "'%.80s...' is too long", text);
		memcpy(word, text, n);
		word[n] = '\0';
		rc = add_one(w, word, why);
		text += n;
	} while (rc == 0 && *text++ == ',');
	return rc;
}

enum krpc_client export_where_client(const struct store_node *n)
{
	struct krpc_version v = krpc_version_parse(
		n->version_len ? span_of(n->version, n->version_len) : (struct span){ NULL, 0 });

	return v.client;
}

static bool is_inside(const struct export_where *w, const struct endpoint *ep)
{
	unsigned whole = w->prefix_bits / 8, rest = w->prefix_bits % 8;

	/* ::/0 is all of IPv6 and none of IPv4. */
	if (endpoint_is4(ep) != endpoint_is4(&w->prefix) ||
	    memcmp(ep->addr, w->prefix.addr, whole) != 0)
		return false;
	return !rest || !((ep->addr[whole] ^ w->prefix.addr[whole]) & 0xff00 >> rest & 0xff);
}

bool export_where_holds(const struct export_where *w, const struct store_node *n)
{
	if (w->by_asn && n->asn != w->asn)
		return false;
	if (w->by_country && memcmp(n->country, w->country, 2) != 0)
		return false;
	if (w->by_client && export_where_client(n) != w->client)
		return false;
	if (w->by_class &&
	    (w->heard_only ? !store_node_heard_only(n) : n->node_class != w->node_class))
		return false;
	if (w->by_way && !(n->ways & 1u << w->way))
		return false;
	return !w->by_prefix || is_inside(w, &n->ep);
}
