/* SPDX-License-Identifier: MIT */
#include "proto/heard.h"

#include <stdbool.h>
#include <stdio.h>

#include "proto/json.h"
#include "proto/sighting.h"

static void copy_method(char out[static HEARD_METHOD_MAX], struct span name)
{
	size_t n = name.len < HEARD_METHOD_MAX - 1 ? name.len : HEARD_METHOD_MAX - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)(name.ptr[i] > ' ' && name.ptr[i] < 0x7f ? name.ptr[i] : '?');
}

static void fill_query(struct heard *h, const struct krpc_msg *m)
{
	struct span target = m->info_hash.ptr ? m->info_hash : m->target;

	h->kind = (uint8_t)m->method;
	if (target.ptr) {
		memcpy(h->target.b, target.ptr, NODEID_BYTES);
		h->flags |= HEARD_HAS_TARGET;
	}
	if (m->method == KRPC_ANNOUNCE_PEER)
		h->peer_port =
			m->implied_port ? h->from.port : (uint16_t)(m->port > 0 ? m->port : 0);
	if (m->method == KRPC_OTHER_METHOD)
		copy_method(h->method, m->method_name);
	h->flags |= (uint8_t)((m->implied_port ? HEARD_IMPLIED_PORT : 0) |
			      (m->want & KRPC_WANT_N4 ? HEARD_WANT4 : 0) |
			      (m->want & KRPC_WANT_N6 ? HEARD_WANT6 : 0));
}

static int16_t code_of(int32_t code)
{
	return (int16_t)(code > INT16_MAX ? INT16_MAX : code < INT16_MIN ? INT16_MIN : code);
}

void heard_fill(struct heard *h, const struct krpc_msg *m, int why)
{
	h->flags = h->version_len = 0;
	h->peer_port = 0;
	h->code = 0;
	memset(h->version, 0, sizeof(h->version));
	memset(h->method, 0, sizeof(h->method));
	memset(&h->id, 0, sizeof(h->id));
	memset(&h->target, 0, sizeof(h->target));
	if (why) {
		h->kind = HEARD_MALFORMED;
		h->code = code_of(why);
		return;
	}
	h->kind = m->kind == KRPC_REPLY ? HEARD_REPLY : HEARD_ERROR;
	if (m->kind == KRPC_QUERY)
		fill_query(h, m);
	else if (m->kind == KRPC_ERROR)
		h->code = code_of(m->error_code);
	if (m->id.ptr) {
		memcpy(h->id.b, m->id.ptr, NODEID_BYTES);
		h->flags |= HEARD_HAS_ID;
	}
	h->flags |= (uint8_t)((m->ro ? HEARD_READ_ONLY : 0) | (m->odd ? HEARD_ODD : 0));
	h->version_len = (uint8_t)(m->v.len > 4 ? 4 : m->v.len);
	if (h->version_len)
		memcpy(h->version, m->v.ptr, h->version_len);
}

const char *heard_kind_name(unsigned kind)
{
	static const char *const names[HEARD_KINDS] = {
		[HEARD_PING] = "ping",
		[HEARD_FIND_NODE] = "find_node",
		[HEARD_GET_PEERS] = "get_peers",
		[HEARD_ANNOUNCE_PEER] = "announce_peer",
		[HEARD_SAMPLE_INFOHASHES] = "sample_infohashes",
		[HEARD_GET] = "get",
		[HEARD_PUT] = "put",
		[HEARD_OTHER] = "other",
		[HEARD_REPLY] = "reply",
		[HEARD_ERROR] = "error",
		[HEARD_MALFORMED] = "malformed",
	};

	return kind < HEARD_KINDS && names[kind] ? names[kind] : "?";
}

const char *heard_outcome_name(unsigned outcome)
{
	static const char *const names[HEARD_OUTCOMES] = { "none",     "answered", "error",
							   "withheld", "refused",  "expected" };

	return outcome < HEARD_OUTCOMES ? names[outcome] : "?";
}

/* ---- as a line ------------------------------------------------------------------ */

static void kv_hex(struct json *j, const char *key, const uint8_t *bytes, size_t len)
{
	char hex[2 * NODEID_BYTES + 1];

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	json_kv_cstring(j, key, hex);
}

static void kv_flag(struct json *j, const char *key, bool set)
{
	if (!set)
		return;
	json_key(j, key);
	json_bool(j, true);
}

/* find_node and get look for something in the id space, the others for a torrent. */
static const char *target_key(unsigned kind)
{
	return kind == HEARD_GET_PEERS || kind == HEARD_ANNOUNCE_PEER ? "info_hash" : "target";
}

static void put_message(struct json *j, const struct heard *h)
{
	if (h->flags & HEARD_HAS_ID)
		kv_hex(j, "id", h->id.b, NODEID_BYTES);
	if (h->flags & HEARD_HAS_TARGET)
		kv_hex(j, target_key(h->kind), h->target.b, NODEID_BYTES);
	if (h->version_len && h->version_len <= 4) {
		struct krpc_version v = krpc_version_parse(span_of(h->version, h->version_len));
		char text[KRPC_VERSION_TEXT_MAX];

		kv_hex(j, "v", h->version, h->version_len);
		json_kv_cstring(j, "client", krpc_version_text(&v, text));
	}
	kv_flag(j, "ro", h->flags & HEARD_READ_ONLY);
	kv_flag(j, "implied_port", h->flags & HEARD_IMPLIED_PORT);
	kv_flag(j, "bad_token", h->flags & HEARD_BAD_TOKEN);
	kv_flag(j, "odd", h->flags & HEARD_ODD);
	if (h->kind == HEARD_ANNOUNCE_PEER)
		json_kv_u64(j, "port", h->peer_port);
	if (h->kind == HEARD_OTHER)
		json_kv_cstring(j, "method", h->method);
	if (h->kind == HEARD_ERROR) {
		json_key(j, "code");
		json_i64(j, h->code);
	}
	if (h->kind == HEARD_MALFORMED)
		json_kv_cstring(j, "why", dt_strerror(h->code));
}

int heard_to_json(const struct heard *h, char out[static HEARD_JSON_MAX])
{
	char from[ENDPOINT_TEXT_MAX];
	struct json j;

	json_init(&j, out, HEARD_JSON_MAX, false);
	json_object_begin(&j);
	json_kv_u64(&j, "when_ms", h->when_ms);
	json_kv_cstring(&j, "from", endpoint_to_text(&h->from, from));
	json_kv_cstring(&j, "kind", heard_kind_name(h->kind));
	json_kv_cstring(&j, "way", sighting_way_name(h->way));
	json_kv_u64(&j, "ear", h->ear);
	json_kv_u64(&j, "bytes", h->bytes);
	json_kv_cstring(&j, "outcome", heard_outcome_name(h->outcome));
	put_message(&j, h);
	json_object_end(&j);
	return json_finish(&j);
}
