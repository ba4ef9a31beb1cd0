/* SPDX-License-Identifier: MIT */
#include "proto/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

int endpoint_from_compact(struct span in, struct endpoint *out)
{
	if (in.len == ENDPOINT_COMPACT4)
		*out = endpoint_ip4((uint32_t)in.ptr[0] << 24 | (uint32_t)in.ptr[1] << 16 |
					    (uint32_t)in.ptr[2] << 8 | (uint32_t)in.ptr[3],
				    (uint16_t)(in.ptr[4] << 8 | in.ptr[5]));
	else if (in.len == ENDPOINT_COMPACT6) {
		memcpy(out->addr, in.ptr, sizeof(out->addr));
		out->port = (uint16_t)(in.ptr[16] << 8 | in.ptr[17]);
	} else
		return DT_ESIZE;
	return 0;
}

int endpoint_to_compact(const struct endpoint *e, uint8_t out[static ENDPOINT_COMPACT6])
{
	int addr_len = endpoint_is4(e) ? 4 : 16;

	memcpy(out, e->addr + 16 - addr_len, (size_t)addr_len);
	out[addr_len] = (uint8_t)(e->port >> 8);
	out[addr_len + 1] = (uint8_t)e->port;
	return addr_len + 2;
}

/* 1 to 5 digits and nothing else. */
static int port_from_text(const char *text, uint16_t *port)
{
	uint32_t v = 0;
	unsigned digits = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (++digits > 5)
			return DT_ERANGE;
		v = v * 10 + (uint32_t)(*text - '0');
	}
	if (!digits || *text)
		return DT_EMALF;
	if (v > UINT16_MAX)
		return DT_ERANGE;
	*port = (uint16_t)v;
	return 0;
}

static int addr_from_text(const char *text, size_t len, bool six, uint8_t addr[16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char host[INET6_ADDRSTRLEN];

	if (!len || len >= sizeof(host))
		return DT_EMALF;
	memcpy(host, text, len);
	host[len] = '\0';
	memcpy(addr, mapped, sizeof(mapped));
	return inet_pton(six ? AF_INET6 : AF_INET, host, six ? addr : addr + 12) == 1 ? 0
										      : DT_EMALF;
}

int endpoint_from_text(const char *text, struct endpoint *out)
{
	struct endpoint e = { .port = 0 };
	const char *host = text, *rest;
	bool six = false;
	size_t len;
	int err;

	if (*text == '[') {
		six = true;
		host++;
		len = strcspn(host, "]");
		if (!host[len])
			return DT_EMALF;
		rest = host + len + 1;
	} else {
		len = strcspn(host, ":");
		/* A second colon: a bare IPv6 address, which cannot carry a port. */
		six = host[len] && strchr(host + len + 1, ':');
		if (six)
			len = strlen(host);
		rest = host + len;
	}
	err = addr_from_text(host, len, six, e.addr);
	if (!err && *rest)
		err = *rest == ':' ? port_from_text(rest + 1, &e.port) : DT_EMALF;
	if (err)
		return err;
	*out = e;
	return 0;
}

char *endpoint_host_to_text(const struct endpoint *e, char out[static ENDPOINT_TEXT_MAX])
{
	if (endpoint_is4(e))
		snprintf(out, ENDPOINT_TEXT_MAX, "%u.%u.%u.%u", e->addr[12], e->addr[13],
			 e->addr[14], e->addr[15]);
	else
		inet_ntop(AF_INET6, e->addr, out, ENDPOINT_TEXT_MAX);
	return out;
}

char *endpoint_to_text(const struct endpoint *e, char out[static ENDPOINT_TEXT_MAX])
{
	char host[ENDPOINT_TEXT_MAX];

	endpoint_host_to_text(e, host);
	snprintf(out, ENDPOINT_TEXT_MAX, endpoint_is4(e) ? "%.45s:%u" : "[%.45s]:%u", host,
		 e->port);
	return out;
}
