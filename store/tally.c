/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "proto/krpc.h"
#include "store/count.h"
#include "store/view.h"

enum {
	KEYS_MAX = 1 << 20,     /* ASNs are some 120,000; hostile records end here */
	VERSIONS_MAX = 1 << 16, /* v is four free bytes: liars cannot fill memory */
};

struct scan {
	struct store_tally *out;
	struct count networks, countries, clients, versions, support[STORE_SUPPORTS];
	struct count surveyed, surveyed_support[STORE_SUPPORTS];
	struct nodeid last_id;
	uint64_t versioned; /* nodes with a whole v */
};

static struct krpc_version version_of(uint32_t tag)
{
	const uint8_t v[4] = { (uint8_t)(tag >> 24), (uint8_t)(tag >> 16), (uint8_t)(tag >> 8),
			       (uint8_t)tag };

	return krpc_version_parse(span_of(v, sizeof(v)));
}

static const uint16_t support_flags[STORE_SUPPORTS] = {
	[STORE_SUPPORT_32] = SIGHTING_NODES6,      [STORE_SUPPORT_42_IP] = SIGHTING_IP_VOTE,
	[STORE_SUPPORT_42_ID] = SIGHTING_BEP42_OK, [STORE_SUPPORT_43] = SIGHTING_READ_ONLY,
	[STORE_SUPPORT_51] = SIGHTING_SAMPLES,     [STORE_SUPPORT_TOKEN] = SIGHTING_TOKEN,
	[STORE_SUPPORT_ERRORS] = SIGHTING_ERROR,   [STORE_SUPPORT_33] = SIGHTING_SCRAPE,
	[STORE_SUPPORT_44] = SIGHTING_ITEMS,
};

const char *store_support_name(enum store_support_kind kind)
{
	static const char *const names[STORE_SUPPORTS] = {
		[STORE_SUPPORT_32] = "bep32",       [STORE_SUPPORT_33] = "bep33",
		[STORE_SUPPORT_42_IP] = "bep42_ip", [STORE_SUPPORT_42_ID] = "bep42_id",
		[STORE_SUPPORT_43] = "bep43",       [STORE_SUPPORT_44] = "bep44",
		[STORE_SUPPORT_51] = "bep51",       [STORE_SUPPORT_TOKEN] = "token",
		[STORE_SUPPORT_ERRORS] = "errors",
	};

	return (unsigned)kind < STORE_SUPPORTS ? names[kind] : "?";
}

static uint32_t version_key(const struct record *r)
{
	if (r->version_len != sizeof(r->version))
		return 0;
	return (uint32_t)r->version[0] << 24 | (uint32_t)r->version[1] << 16 |
	       (uint32_t)r->version[2] << 8 | r->version[3];
}

/** count_support() - into the row of all and of its version. */
static int count_support(struct scan *s, const struct record *r)
{
	struct store_support *all = &s->out->support[STORE_TALLY_TOP + 1];
	bool surveyed = r->flags & SIGHTING_SURVEYED;
	int rc = 0;

	all->nodes++;
	s->versioned += r->version_len == sizeof(r->version);
	if (surveyed) {
		all->surveyed++;
		rc = count_add(&s->surveyed, version_key(r), VERSIONS_MAX);
	}
	for (unsigned k = 0; k < STORE_SUPPORTS && rc >= 0; k++) {
		if (!(r->flags & support_flags[k]))
			continue;
		all->seen[k]++;
		rc = count_add(&s->support[k], version_key(r), VERSIONS_MAX);
		if (!surveyed || rc < 0)
			continue;
		all->seen_surveyed[k]++;
		rc = count_add(&s->surveyed_support[k], version_key(r), VERSIONS_MAX);
	}
	return rc;
}

/** list_support() - a row each of the most frequent versions, of those without, of all. */
static void list_support(struct scan *s)
{
	struct store_tally *t = s->out;
	struct store_support all = t->support[STORE_TALLY_TOP + 1];
	struct count_slot top[STORE_TALLY_TOP];
	unsigned n = count_top(&s->versions, top, STORE_TALLY_TOP);

	if (!all.nodes)
		return;
	top[n < STORE_TALLY_TOP ? n : STORE_TALLY_TOP - 1] = (struct count_slot){ .key = 0 };
	for (unsigned i = 0; i <= n && i < STORE_TALLY_TOP; i++) {
		struct store_support *row = &t->support[i];
		char text[KRPC_VERSION_TEXT_MAX];
		struct krpc_version v = version_of(top[i].key);

		*row = (struct store_support){ .nodes = top[i].times };
		if (top[i].key)
			snprintf(row->name, sizeof(row->name), "%s", krpc_version_text(&v, text));
		else
			row->nodes = all.nodes - s->versioned;
		row->surveyed = count_of(&s->surveyed, top[i].key);
		for (unsigned k = 0; k < STORE_SUPPORTS; k++) {
			row->seen[k] = count_of(&s->support[k], top[i].key);
			row->seen_surveyed[k] = count_of(&s->surveyed_support[k], top[i].key);
		}
		t->support_rows = i + 1;
	}
	snprintf(all.name, sizeof(all.name), "all");
	t->support[t->support_rows++] = all;
}

static int count_client(struct scan *s, const struct record *r)
{
	struct krpc_version v = krpc_version_parse(
		r->version_len ? span_of(r->version, r->version_len) : (struct span){ NULL, 0 });
	int rc = count_add(&s->clients, v.client, KEYS_MAX);

	s->out->with_version += r->version_len > 0;
	if (rc < 0 || r->version_len != sizeof(r->version))
		return rc;
	return count_add(&s->versions,
			 (uint32_t)r->version[0] << 24 | (uint32_t)r->version[1] << 16 |
				 (uint32_t)r->version[2] << 8 | r->version[3],
			 VERSIONS_MAX);
}

static int count_place(struct scan *s, const struct record_place *p)
{
	struct store_tally *t = s->out;
	int rc = 0;

	t->located += p->has_point && !p->country_level;
	t->country_level += p->has_point && p->country_level;
	t->unlocated += !p->has_point;
	t->without_asn += p->asn == 0;
	if (p->asn)
		rc = count_add(&s->networks, p->asn, KEYS_MAX);
	if (rc >= 0 && p->country[0])
		rc = count_add(&s->countries,
			       (uint32_t)(uint8_t)p->country[0] << 8 | (uint8_t)p->country[1],
			       KEYS_MAX);
	return rc;
}

static int count_node(struct scan *s, const struct nodeid *id, const struct record *r)
{
	struct store_tally *t = s->out;
	int rc;

	for (unsigned way = 0; way < SIGHTING_WAYS; way++)
		t->by_way[way] += r->ways >> way & 1;
	t->reach[sighting_reach(r->ways, r->flags, r->node_class)]++;
	if (!(r->ways & 1u << SIGHTING_ANSWERED)) {
		t->heard_only += (r->ways & (1u << SIGHTING_ASKED_US | 1u << SIGHTING_TAPPED)) != 0;
		return 0;
	}
	if (t->answered_nodes == 0 || !nodeid_equal(id, &s->last_id))
		t->distinct_ids++;
	s->last_id = *id;
	t->answered_nodes++;
	t->bep42_ok += (r->flags & SIGHTING_BEP42_OK) != 0;
	t->read_only += (r->flags & SIGHTING_READ_ONLY) != 0;
	t->ip_vote += (r->flags & SIGHTING_IP_VOTE) != 0;
	if (!t->first_seen_s || r->first_seen_s < t->first_seen_s)
		t->first_seen_s = r->first_seen_s;
	if (r->last_seen_s > t->last_seen_s)
		t->last_seen_s = r->last_seen_s;
	if (r->first_seen_s > t->last_seen_s)
		t->last_seen_s = r->first_seen_s;
	t->classes[r->node_class % STORE_CLASSES]++;
	rc = count_place(s, &r->place);
	if (rc >= 0)
		rc = count_support(s, r);
	return rc < 0 ? rc : count_client(s, r);
}

static int scan_nodes(struct scan *s, struct store_view *v)
{
	struct endpoint ep;
	struct nodeid id;
	struct record r;
	int rc;

	while ((rc = view_next_record(v, &id, &ep, &r)) == 1) {
		rc = count_node(s, &id, &r);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int scan_contacts(struct scan *s, struct store_view *v)
{
	struct span key, val;
	int rc;

	while ((rc = view_next_contact(v, &key, &val)) == 1)
		s->out->mentioned_only++;
	return rc;
}

static void top_networks(struct scan *s, struct store_view *v)
{
	struct count_slot top[STORE_TALLY_TOP];
	struct store_tally *t = s->out;

	t->networks = count_keys(&s->networks);
	t->network_rows = count_top(&s->networks, top, STORE_TALLY_TOP);
	for (unsigned i = 0; i < t->network_rows; i++) {
		t->top_networks[i].asn = top[i].key;
		t->top_networks[i].nodes = top[i].times;
		store_view_org(v, top[i].key, t->top_networks[i].name);
	}
}

static void top_countries(struct scan *s)
{
	struct count_slot top[STORE_TALLY_TOP];
	struct store_tally *t = s->out;

	t->countries = count_keys(&s->countries);
	t->country_rows = count_top(&s->countries, top, STORE_TALLY_TOP);
	for (unsigned i = 0; i < t->country_rows; i++) {
		t->top_countries[i].nodes = top[i].times;
		t->top_countries[i].name[0] = (char)(top[i].key >> 8);
		t->top_countries[i].name[1] = (char)top[i].key;
	}
}

static void top_clients(struct scan *s)
{
	struct count_slot top[STORE_TALLY_TOP];
	struct store_tally *t = s->out;

	t->client_rows = count_top(&s->clients, top, STORE_TALLY_TOP);
	for (unsigned i = 0; i < t->client_rows; i++) {
		t->top_clients[i].nodes = top[i].times;
		snprintf(t->top_clients[i].name, GEO_ORG_MAX, "%s",
			 krpc_client_name((enum krpc_client)top[i].key));
	}
	t->version_rows = count_top(&s->versions, top, STORE_TALLY_TOP);
	for (unsigned i = 0; i < t->version_rows; i++) {
		struct krpc_version ver = version_of(top[i].key);
		char text[KRPC_VERSION_TEXT_MAX];

		t->top_versions[i].nodes = top[i].times;
		snprintf(t->top_versions[i].name, GEO_ORG_MAX, "%s", krpc_version_text(&ver, text));
	}
}

int store_tally(struct store_view *v, struct store_tally *out)
{
	struct scan s = { .out = out };
	int rc;

	memset(out, 0, sizeof(*out));
	count_init(&s.networks);
	count_init(&s.countries);
	count_init(&s.clients);
	count_init(&s.versions);
	count_init(&s.surveyed);
	for (unsigned k = 0; k < STORE_SUPPORTS; k++) {
		count_init(&s.support[k]);
		count_init(&s.surveyed_support[k]);
	}
	store_view_rewind(v);
	rc = scan_nodes(&s, v);
	if (rc == 0)
		rc = scan_contacts(&s, v);
	if (rc == 0)
		rc = view_distinct_addresses(v, &out->distinct_addresses);
	if (rc == 0) {
		top_networks(&s, v);
		top_countries(&s);
		top_clients(&s);
		list_support(&s);
	}
	store_view_rewind(v);
	count_fini(&s.networks);
	count_fini(&s.countries);
	count_fini(&s.clients);
	count_fini(&s.versions);
	count_fini(&s.surveyed);
	for (unsigned k = 0; k < STORE_SUPPORTS; k++) {
		count_fini(&s.support[k]);
		count_fini(&s.surveyed_support[k]);
	}
	return rc < 0 ? rc : 0;
}
