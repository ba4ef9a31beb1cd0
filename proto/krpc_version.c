/* SPDX-License-Identifier: MIT */
#include "proto/krpc.h"

#include <stdio.h>

/**
 * DOC: v is two letters of the client and two bytes of its version, says BEP 5
 * and no registry; what the two bytes mean is each client's own habit. A tag
 * of another form is kept as bytes and shown as hex.
 *
 * Source: libtorrent docs/dht_extensions (UT, LT, MP, GR); the clients' own
 * code (RS, lt, LT); tags read off running nodes (LT 2 8 of libtorrent 2.0.8,
 * lt 0d 80 of 0.13.8, A2, JC, ml).
 */

enum habit {
	HABIT_NONE,   /* the bytes say nothing known */
	HABIT_DOTTED, /* two numbers: 2, 8 -> "2.8" */
	HABIT_BUILD,  /* one big-endian number: a build or a plain count */
	HABIT_NIBBLE, /* minor, patch in the high nibble: 0d 80 -> "0.13.8" */
};

static const struct family {
	char letters[3]; /* "" where no two letters stand for it */
	uint8_t habit;
	const char *name;
} families[KRPC_CLIENT_FAMILIES] = {
	[KRPC_CLIENT_NONE] = { "", HABIT_NONE, "none" },
	[KRPC_CLIENT_UNKNOWN] = { "", HABIT_NONE, "unknown" },
	[KRPC_CLIENT_LIBTORRENT] = { "LT", HABIT_DOTTED, "libtorrent" },
	[KRPC_CLIENT_RTORRENT] = { "lt", HABIT_NIBBLE, "rtorrent" },
	[KRPC_CLIENT_UTORRENT] = { "UT", HABIT_BUILD, "utorrent" },
	[KRPC_CLIENT_JECH] = { "JC", HABIT_DOTTED, "jech" },
	[KRPC_CLIENT_ARIA2] = { "A2", HABIT_DOTTED, "aria2" },
	[KRPC_CLIENT_MLDHT] = { "ml", HABIT_BUILD, "mldht" },
	[KRPC_CLIENT_WEBTORRENT] = { "WW", HABIT_DOTTED, "webtorrent" },
	[KRPC_CLIENT_BITCOMET] = { "BC", HABIT_DOTTED, "bitcomet" },
	[KRPC_CLIENT_BITSPIRIT] = { "SP", HABIT_DOTTED, "bitspirit" },
	[KRPC_CLIENT_KTORRENT] = { "KT", HABIT_DOTTED, "ktorrent" },
	[KRPC_CLIENT_TRANSMISSION] = { "TR", HABIT_DOTTED, "transmission" },
	[KRPC_CLIENT_MAINLINE] = { "NG", HABIT_DOTTED, "ng" },
	[KRPC_CLIENT_TELESCOPE] = { "DT", HABIT_DOTTED, "dht-telescope" },
	[KRPC_CLIENT_RUST] = { "RS", HABIT_BUILD, "mainline-rs" },
	[KRPC_CLIENT_MOOPOLICE] = { "MP", HABIT_DOTTED, "moopolice" },
	[KRPC_CLIENT_GETRIGHT] = { "GR", HABIT_DOTTED, "getright" },
};

/* Two letters and at most two bytes more: anything else is nobody's form. */
static enum krpc_client family_of(struct span v)
{
	if (v.len < 2 || v.len > 4)
		return KRPC_CLIENT_UNKNOWN;
	for (unsigned i = KRPC_CLIENT_UNKNOWN + 1; i < KRPC_CLIENT_FAMILIES; i++)
		if (memcmp(families[i].letters, v.ptr, 2) == 0)
			return (enum krpc_client)i;
	return KRPC_CLIENT_UNKNOWN;
}

struct krpc_version krpc_version_parse(struct span v)
{
	struct krpc_version ver = { .client = KRPC_CLIENT_NONE };

	if (!v.len)
		return ver;
	ver.client = family_of(v);
	ver.raw_len = (uint8_t)(v.len < sizeof(ver.raw) ? v.len : sizeof(ver.raw));
	memcpy(ver.raw, v.ptr, ver.raw_len);
	ver.number = (uint16_t)(ver.raw[2] << 8 | ver.raw[3]);
	return ver;
}

const char *krpc_client_name(enum krpc_client c)
{
	return (unsigned)c < KRPC_CLIENT_FAMILIES ? families[c].name : "?";
}

static void unknown_text(const struct krpc_version *ver, char out[static KRPC_VERSION_TEXT_MAX])
{
	int at = snprintf(out, KRPC_VERSION_TEXT_MAX, "unknown ");

	for (unsigned i = 0; i < ver->raw_len && i < sizeof(ver->raw); i++)
		at += snprintf(out + at, KRPC_VERSION_TEXT_MAX - (size_t)at, "%02x", ver->raw[i]);
}

char *krpc_version_text(const struct krpc_version *ver, char out[static KRPC_VERSION_TEXT_MAX])
{
	const char *name = krpc_client_name(ver->client);
	unsigned high = ver->number >> 8, low = ver->number & 0xff;
	unsigned habit = (unsigned)ver->client < KRPC_CLIENT_FAMILIES ? families[ver->client].habit
								      : HABIT_NONE;

	/* A tag of two letters alone names the client and no version. */
	if (ver->raw_len < sizeof(ver->raw))
		habit = HABIT_NONE;
	if (ver->client == KRPC_CLIENT_UNKNOWN)
		unknown_text(ver, out);
	else if (habit == HABIT_DOTTED)
		snprintf(out, KRPC_VERSION_TEXT_MAX, "%s %u.%u", name, high, low);
	else if (habit == HABIT_BUILD)
		snprintf(out, KRPC_VERSION_TEXT_MAX, "%s %u", name, ver->number);
	else if (habit == HABIT_NIBBLE)
		snprintf(out, KRPC_VERSION_TEXT_MAX, "%s 0.%u.%u", name, high, low >> 4);
	else
		snprintf(out, KRPC_VERSION_TEXT_MAX, "%s", name);
	return out;
}
