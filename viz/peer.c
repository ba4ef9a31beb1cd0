/* SPDX-License-Identifier: MIT */
#include "viz/peer.h"

#include <stdio.h>
#include <string.h>

#include "proto/endpoint.h"
#include "proto/json.h"
#include "proto/krpc.h"
#include "viz/export_where.h"

/* /ip4/192.0.2.1/udp/6881, a multiaddr. */
static const char *multiaddr(const struct endpoint *ep, char out[static ENDPOINT_TEXT_MAX + 16])
{
	char host[ENDPOINT_TEXT_MAX];

	snprintf(out, ENDPOINT_TEXT_MAX + 16, "/ip%c/%s/udp/%u", endpoint_is4(ep) ? '4' : '6',
		 endpoint_host_to_text(ep, host), ep->port);
	return out;
}

unsigned peer_protocols(uint16_t flags, bool answered, const char *out[static PEER_PROTOCOLS_MAX])
{
	static const struct {
		uint16_t flag;
		const char *name;
	} beps[] = { { SIGHTING_NODES6, "bep32" },   { SIGHTING_SCRAPE, "bep33" },
		     { SIGHTING_BEP42_OK, "bep42" }, { SIGHTING_READ_ONLY, "bep43" },
		     { SIGHTING_ITEMS, "bep44" },    { SIGHTING_SAMPLES, "bep51" } };
	unsigned n = 0;

	_Static_assert(sizeof(beps) / sizeof(*beps) + 1 == PEER_PROTOCOLS_MAX, "room for all");

	if (!answered)
		return 0;
	out[n++] = "bep5";
	for (unsigned i = 0; i < sizeof(beps) / sizeof(*beps); i++)
		if (flags & beps[i].flag)
			out[n++] = beps[i].name;
	return n;
}

static void protocols(struct json *j, const struct store_node *n, unsigned way)
{
	const char *names[PEER_PROTOCOLS_MAX];
	unsigned count =
		peer_protocols(n->flags, n->last_answered_s || way == SIGHTING_ANSWERED, names);

	json_key(j, "protocols");
	json_array_begin(j);
	for (unsigned i = 0; i < count; i++)
		json_cstring(j, names[i]);
	json_array_end(j);
}

size_t peer_line(const struct store_node *n, const struct peer_said *said,
		 char out[static PEER_LINE_MAX])
{
	char id[2 * NODEKEY_BYTES + 1], addr[ENDPOINT_TEXT_MAX + 16], v[KRPC_VERSION_TEXT_MAX] = "";
	struct krpc_version version = krpc_version_parse(span_of(n->version, n->version_len));
	struct json j;
	int len;

	if (n->version_len)
		krpc_version_text(&version, v);
	json_init(&j, out, PEER_LINE_MAX, false);
	json_object_begin(&j);
	json_kv_cstring(&j, "peerID", nodekey_to_hex(&n->key, id));
	json_key(&j, "addresses");
	json_array_begin(&j);
	json_cstring(&j, multiaddr(&n->ep, addr));
	json_array_end(&j);
	protocols(&j, n, said->way);
	json_kv_cstring(&j, "agentVersion", v);
	json_kv_u64(&j, "seen", said->seen_s);
	json_kv_cstring(&j, "way", sighting_way_name(said->way));
	json_kv_cstring(&j, "class", sighting_class_name(n->node_class));
	json_kv_u64(&j, "asn", n->asn);
	json_kv_cstring(&j, "country", n->country);
	if (said->seq)
		json_kv_u64(&j, "seq", said->seq);
	json_object_end(&j);
	len = json_finish(&j);
	return len < 0 ? 0 : (size_t)len;
}
