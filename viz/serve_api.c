/* SPDX-License-Identifier: MIT */
/** DOC: pages of the node table, by a cursor that outlives the request; and shared texts. */
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "viz/serve_impl.h"

enum {
	NODES_DEFAULT = 100,
	NODES_MAX = 1000,
	LOOKED_AT_MAX = 200000, /* rows for one page, some 10 ms: a filter may let few pass */
	CURSOR_HEX = 2 * (NODEKEY_BYTES + 16 + 2),
};

/* ---- the query --------------------------------------------------------------------- */

int serve_where(struct MHD_Connection *c, struct export_where *where, char *why)
{
	static const char *const keys[] = { "asn", "country", "client", "prefix" };

	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *v = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, keys[i]);
		char text[128];
		int rc;

		if (!v)
			continue;
		if (snprintf(text, sizeof(text), "%s=%s", keys[i], v) >= (int)sizeof(text) ||
		    strchr(v, ',')) {
			snprintf(why, 256, "%s: one value", keys[i]);
			return DT_EMALF;
		}
		rc = export_where_add(where, text, why);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int serve_arg_u64(struct MHD_Connection *c, const char *key, uint64_t absent, uint64_t *out)
{
	const char *v = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, key);
	char *end;

	*out = absent;
	if (!v)
		return 0;
	if (!isdigit((unsigned char)*v))
		return DT_EMALF;
	errno = 0;
	*out = strtoull(v, &end, 10);
	return *end || errno ? DT_EMALF : 0;
}

/* ---- the cursor ---------------------------------------------------------------------- */

/* id, address and port of the last node of a page, in hex. */
static void cursor_put(const struct store_node *n, char out[static CURSOR_HEX + 1])
{
	uint8_t raw[CURSOR_HEX / 2] = { 0 };

	memcpy(raw, n->key.b, NODEKEY_BYTES);
	memcpy(raw + NODEKEY_BYTES, n->ep.addr, 16);
	raw[NODEKEY_BYTES + 16] = (uint8_t)(n->ep.port >> 8);
	raw[NODEKEY_BYTES + 17] = (uint8_t)n->ep.port;
	sodium_bin2hex(out, CURSOR_HEX + 1, raw, sizeof(raw));
}

static int cursor_get(const char *text, struct nodekey *key, struct endpoint *ep)
{
	uint8_t raw[CURSOR_HEX / 2];
	size_t len;

	if (strlen(text) != CURSOR_HEX ||
	    sodium_hex2bin(raw, sizeof(raw), text, CURSOR_HEX, NULL, &len, NULL) ||
	    len != sizeof(raw))
		return DT_EMALF;
	*key = (struct nodekey){ .bits = 160 };
	memcpy(key->b, raw, NODEKEY_BYTES);
	memcpy(ep->addr, raw + NODEKEY_BYTES, 16);
	ep->port = (uint16_t)(raw[NODEKEY_BYTES + 16] << 8 | raw[NODEKEY_BYTES + 17]);
	return 0;
}

/* ---- pages ----------------------------------------------------------------------------- */

struct page {
	struct export_where where;
	uint64_t limit;
	char *text;
	size_t at, room;
	uint64_t count;
	struct store_node last;
	bool more;
};

static void add_line(struct page *p, const struct store_node *n)
{
	const struct peer_said said = {
		.way = n->last_answered_s                  ? SIGHTING_ANSWERED
		       : n->ways & 1u << SIGHTING_ASKED_US ? SIGHTING_ASKED_US
							   : SIGHTING_TAPPED,
		.seen_s = n->last_seen_s,
	};

	if (p->count)
		p->text[p->at++] = ',';
	p->at += peer_line(n, &said, p->text + p->at);
	p->count++;
}

static int read_page(struct store_view *v, struct page *p)
{
	unsigned looked = 0;
	int rc;

	while ((rc = store_view_next(v, &p->last)) == 1) {
		if (export_where_holds(&p->where, &p->last))
			add_line(p, &p->last);
		if (p->count == p->limit || ++looked == LOOKED_AT_MAX) {
			p->more = true;
			return 0;
		}
	}
	return rc;
}

/* Errors: DT_ENOTFOUND where there is no store. */
static int look_up(struct serve *s, const char *after, struct page *p)
{
	struct nodekey key;
	struct endpoint ep;
	struct store_view *v;
	int rc;

	if (after && cursor_get(after, &key, &ep) < 0)
		return DT_EMALF;
	pthread_rwlock_rdlock(&s->store_lock);
	rc = s->store ? store_view_open(s->store, &v) : DT_ENOTFOUND;
	if (rc == 0) {
		if (after)
			rc = store_view_seek(v, &key, &ep);
		if (rc == 0)
			rc = read_page(v, p);
		store_view_close(v);
	}
	pthread_rwlock_unlock(&s->store_lock);
	return rc;
}

static enum MHD_Result page_reply(struct MHD_Connection *c, struct page *p)
{
	char next[CURSOR_HEX + 1];
	enum MHD_Result rc;

	p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "],\"next\":");
	if (p->more) {
		cursor_put(&p->last, next);
		p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "\"%s\"}\n", next);
	} else {
		p->at += (size_t)snprintf(p->text + p->at, p->room - p->at, "null}\n");
	}
	rc = serve_reply(c, MHD_HTTP_OK, "application/json", p->text, p->at);
	return rc;
}

enum MHD_Result serve_nodes(struct serve *s, struct MHD_Connection *c)
{
	const char *after = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "after");
	struct page p = { 0 };
	char why[256] = "";
	enum MHD_Result rc;
	int err;

	if (serve_where(c, &p.where, why) < 0)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, why);
	if (serve_arg_u64(c, "limit", NODES_DEFAULT, &p.limit) < 0 || !p.limit ||
	    p.limit > NODES_MAX)
		return serve_error(c, MHD_HTTP_BAD_REQUEST, "limit: 1 to 1000");
	p.room = p.limit * (PEER_LINE_MAX + 1) + CURSOR_HEX + 64;
	p.text = malloc(p.room);
	if (!p.text)
		return MHD_NO;
	p.at = (size_t)sprintf(p.text, "{\"nodes\":[");
	err = look_up(s, after, &p);
	if (err == DT_EMALF)
		rc = serve_error(c, MHD_HTTP_BAD_REQUEST, "after: the next of an earlier page");
	else if (err == DT_ENOTFOUND)
		rc = serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE, "there is no store yet");
	else if (err < 0)
		rc = serve_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, dt_strerror(err));
	else
		rc = page_reply(c, &p);
	free(p.text);
	return rc;
}

/* ---- what the last look found ------------------------------------------------------------ */

/* Served, the page may ask its own server, and nobody else. */
static const char page_policy[] =
	"default-src 'none'; script-src 'unsafe-inline' 'self'; style-src "
	"'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action "
	"'none'; frame-ancestors 'none'";

enum MHD_Result serve_shown(struct serve *s, struct MHD_Connection *c, enum serve_shown what,
			    const char *type)
{
	struct serve_text *t;
	struct MHD_Response *r;
	enum MHD_Result rc;

	pthread_mutex_lock(&s->lock);
	t = s->shown[what];
	if (t) /* relaxed: the lock keeps it from being freed here */
		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	if (!t)
		return serve_error(c, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "nothing to show yet: no store, or no node in it");
	r = MHD_create_response_from_buffer_with_free_callback_cls(t->len, t->bytes,
								   serve_text_unref, t);
	if (!r) {
		serve_text_unref(t);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	if (what == SERVE_PAGE)
		MHD_add_response_header(r, "Content-Security-Policy", page_policy);
	serve_headers(r);
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}
