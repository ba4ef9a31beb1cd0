/* SPDX-License-Identifier: MIT */
#include "proto/sighting.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "proto/krpc.h"

const char *sighting_class_name(unsigned node_class)
{
	static const char *const names[SIGHTING_CLASSES] = {
		"normal", "remapped",  "multihomed", "clone",     "router",   "flapper",
		"liar",   "reflector", "one-way",    "read-only", "poisoner",
	};

	return node_class < SIGHTING_CLASSES ? names[node_class] : "?";
}

enum sighting_reach sighting_reach(unsigned ways, unsigned flags, unsigned node_class)
{
	bool answered = ways & 1u << SIGHTING_ANSWERED, asked = ways & 1u << SIGHTING_ASKED_US;

	if (flags & SIGHTING_SECOND_PORT)
		return SIGHTING_REACH_ANY_PORT;
	if (answered && flags & SIGHTING_SURVEYED)
		return SIGHTING_REACH_ONE_PORT;
	if (node_class == SIGHTING_CLASS_READ_ONLY ||
	    (asked && !answered && flags & SIGHTING_READ_ONLY))
		return SIGHTING_REACH_READ_ONLY;
	if (node_class == SIGHTING_CLASS_ONE_WAY || (asked && !answered))
		return SIGHTING_REACH_ONE_WAY;
	return SIGHTING_REACH_UNKNOWN;
}

const char *sighting_reach_name(unsigned reach)
{
	static const char *const names[SIGHTING_REACHES] = {
		[SIGHTING_REACH_UNKNOWN] = "unknown",     [SIGHTING_REACH_ANY_PORT] = "any-port",
		[SIGHTING_REACH_ONE_PORT] = "one-port",   [SIGHTING_REACH_ONE_WAY] = "one-way",
		[SIGHTING_REACH_READ_ONLY] = "read-only",
	};

	return reach < SIGHTING_REACHES ? names[reach] : "?";
}

const char *sighting_way_name(unsigned way)
{
	static const char *const names[SIGHTING_WAYS] = {
		[SIGHTING_ANSWERED] = "answered",
		[SIGHTING_MENTIONED] = "mentioned",
		[SIGHTING_ASKED_US] = "asked-us",
		[SIGHTING_TAPPED] = "tapped",
	};

	return way < SIGHTING_WAYS ? names[way] : "?";
}

/* Appends what fits; the line is cut, never overrun. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t *at, const char *form,
							 ...)
{
	va_list args;
	int n;

	va_start(args, form);
	n = vsnprintf(out + *at, SIGHTING_TEXT_MAX - *at, form, args);
	va_end(args);
	if (n > 0)
		*at += (size_t)n;
	if (*at > SIGHTING_TEXT_MAX - 1)
		*at = SIGHTING_TEXT_MAX - 1;
}

char *sighting_to_text(const struct sighting *s, char out[static SIGHTING_TEXT_MAX])
{
	char where[ENDPOINT_TEXT_MAX], hex[2 * NODEKEY_BYTES + 1], client[KRPC_VERSION_TEXT_MAX];
	size_t version_len = s->version_len;
	struct krpc_version ver;
	size_t at = 0;

	if (version_len > sizeof(s->version))
		version_len = sizeof(s->version);
	ver = krpc_version_parse(span_of(s->version, version_len));
	append(out, &at, "%llu.%03u %s %s %s", (unsigned long long)(s->when_ms / 1000),
	       (unsigned)(s->when_ms % 1000), sighting_way_name(s->way),
	       endpoint_to_text(&s->from, where), s->key.bits ? nodekey_to_hex(&s->key, hex) : "-");
	append(out, &at, " \"%s\" mentions=%u", krpc_version_text(&ver, client), s->mentions);
	if (s->attempts)
		append(out, &at, " answers=%u/%u", s->answers, s->attempts);
	if (s->rtt_us)
		append(out, &at, " rtt_us=%u", s->rtt_us);
	append(out, &at, " flags=%04x", s->flags);
	return out;
}
