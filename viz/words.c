/* SPDX-License-Identifier: MIT */
#include "viz/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "viz/group.h"

static void hue_line(const struct words_moment *m, char out[static 64])
{
	const struct group_words *g = group_words((enum group_kind)m->scene->group);

	if (m->mode == RENDER_BREATH && m->layout != LAYOUT_MAP)
		snprintf(out, 64, "amber: more than in its day's mean, blue: fewer");
	else if (m->mode == RENDER_BREATH)
		snprintf(out, 64, "blue, where there are fewer");
	else if (m->palette == PALETTE_FOCUS)
		snprintf(out, 64, "six %s in colour", g->many);
	else if (m->palette == PALETTE_CVD)
		snprintf(out, 64, "four %s in colour", g->many);
	else if (m->palette == PALETTE_DENSITY)
		snprintf(out, 64, "the brighter, the more");
	else
		snprintf(out, 64, "every hue %s", g->one);
}

static const char *note_of(const struct words_moment *m)
{
	const struct group_words *g = group_words((enum group_kind)m->scene->group);

	if (m->mode == RENDER_BREATH || m->palette == PALETTE_DENSITY)
		return NULL;
	if (m->palette == PALETTE_FOCUS || m->palette == PALETTE_CVD)
		return "grey = all others";
	return g->mixed;
}

char *words_duration(double s, char out[static 32])
{
	if (s < 120)
		snprintf(out, 32, "%.3g s", s);
	else if (s < 7200)
		snprintf(out, 32, "%.3g min", s / 60);
	else if (s < 100 * 3600) /* of which two digits are enough */
		snprintf(out, 32, "%.2g h", s / 3600);
	else if (s < 14 * 86400)
		snprintf(out, 32, "%.0f h", s / 3600);
	else
		snprintf(out, 32, "%.0f days", s / 86400);
	return out;
}

/* How light follows from sightings: what fades must say so. */
static void label_weight(const struct words_moment *m, char out[static 200])
{
	const struct film_plan *p = m->plan;
	double half = p ? p->half_life_s : m->opts->half_life_s;
	double cutoff = p ? p->cutoff_s : m->opts->cutoff_s;
	char lit[80], length[32], asked[32];

	out[0] = '\0';
	if (m->sightings && m->hold_s > 0)
		snprintf(lit, sizeof(lit), "lit at each sighting and for %s",
			 words_duration((double)m->hold_s, length));
	else
		snprintf(lit, sizeof(lit), "%s",
			 m->sightings ? "lit at each sighting" : "lit from first to last sighting");
	if (half > 0 && p && p->raised)
		snprintf(out, 200, "%s, then halved every %s (%s raised to three frames)", lit,
			 words_duration(half, length), words_duration(m->opts->half_life_s, asked));
	else if (half > 0)
		snprintf(out, 200, "%s, then halved every %s", lit, words_duration(half, length));
	else if (cutoff > 0)
		snprintf(out, 200, "lit from the first sighting to %s after the last",
			 words_duration(cutoff, length));
	else if (p)
		snprintf(out, 200, "lit from the first sighting on");
	else
		snprintf(out, 200, "all that were ever seen, in full light");
}

static uint8_t byte_of(float linear)
{
	double v = 255 * palette_srgb((double)linear) + 0.5;

	return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void fill_row(struct furniture_row *row, const struct words_moment *m, uint32_t network,
		     uint64_t nodes)
{
	struct palette_rgb c = m->colors[network];

	row->nodes = nodes;
	row->most = m->scene->networks[network].nodes;
	row->rgb[0] = byte_of(c.r);
	row->rgb[1] = byte_of(c.g);
	row->rgb[2] = byte_of(c.b);
	if (m->mode == RENDER_BREATH) /* where no hue stands for a network */
		row->rgb[0] = row->rgb[1] = row->rgb[2] = 0x99;
}

static void fill_rows(struct furniture *out, const struct words_moment *m)
{
	for (unsigned i = 0; i < m->scene->top_count && i < FURNITURE_ROWS; i++) {
		const struct scene_top *top = &m->scene->top[i];
		struct furniture_row *row = &out->rows[out->row_count++];

		text_name(top->name, row->name);
		fill_row(row, m, top->network, m->top[i]);
		/* a film's bars keep their scale, so that growth is seen */
		if (m->plan && row->most > out->widest)
			out->widest = row->most;
	}
}

/* The same ten, by what they have at this instant: equal ones keep their order. */
static void race(struct furniture *f)
{
	for (unsigned i = 1; i < f->row_count; i++) {
		struct furniture_row row = f->rows[i];
		unsigned at = i;

		for (; at > 0 && f->rows[at - 1].nodes < row.nodes; at--)
			f->rows[at] = f->rows[at - 1];
		f->rows[at] = row;
	}
}

#define POSTER_TEXT 1.4

static void describe_hilbert(const struct words_moment *m, struct furniture *fu)
{
	unsigned bits = 2 * m->stage->hilbert.order;

	fu->subtitle[1] = "the IPv4 address space, along a Hilbert curve";
	fu->unlocated_label = "on IPv6, not on this square";
	fu->mapped = false;
	fu->chart_aside = true;
	if (!m->plan || m->stage->hilbert.poster)
		fu->history = NULL;
	if (m->stage->hilbert.poster) /* its corner is a quarter of what one looks at */
		fu->text_scale = POSTER_TEXT * (fu->text_scale > 0 ? fu->text_scale : 1);
	text_count(1u << (32 - bits), fu->facts[0].figure);
	snprintf(fu->facts[0].label, sizeof(fu->facts[0].label), "addresses a pixel (/%u)", bits);
	text_count(m->lit_cells, fu->facts[1].figure);
	snprintf(fu->facts[1].label, sizeof(fu->facts[1].label), "/%u blocks alight", bits);
}

/* The ten prefixes with most nodes, each in the colour of its deviation. */
static void fill_prefixes(struct furniture *fu, const struct idmap_facts *ids)
{
	const double share = (double)ids->nodes / IDMAP_PREFIXES;
	bool taken[IDMAP_PREFIXES] = { false };

	fu->widest = 0;
	for (fu->row_count = 0; ids->nodes && fu->row_count < FURNITURE_ROWS; fu->row_count++) {
		struct furniture_row *row = &fu->rows[fu->row_count];
		unsigned best = 0;
		uint32_t rgb;

		while (taken[best])
			best++;
		for (unsigned i = best; i < IDMAP_PREFIXES; i++)
			if (!taken[i] && ids->prefix[i] > ids->prefix[best])
				best = i;
		taken[best] = true;
		row->nodes = row->most = ids->prefix[best];
		snprintf(row->name, sizeof(row->name), "%02x…  %.2f of its share", best,
			 (double)row->nodes / share);
		rgb = palette_deviation(((double)row->nodes - share) / sqrt(share));
		row->rgb[0] = (uint8_t)(rgb >> 16);
		row->rgb[1] = (uint8_t)(rgb >> 8);
		row->rgb[2] = (uint8_t)rgb;
	}
}

static void describe_dispersion(struct furniture_fact *fact, double dispersion)
{
	snprintf(fact->figure, sizeof(fact->figure), "%.3f", dispersion);
	snprintf(fact->label, sizeof(fact->label), "variance / mean  ·  1 = by chance");
}

static void describe_idmap(const struct words_moment *m, struct furniture *fu)
{
	static const struct idmap_facts none;
	const struct idmap_facts *ids = m->ids ? m->ids : &none; /* labels stand still */

	fu->subtitle[1] = "node ids by their first 18 bits, in Z-order";
	strcpy(fu->hue, "colour is the distance from chance");
	fu->legend_title = "FULLEST PREFIXES";
	fu->note = "framed = more than twice its share";
	fu->mapped = false;
	fu->attribution = NULL;
	fu->chart_aside = true;
	if (!m->plan)
		fu->history = NULL;
	fu->deviation = true;
	fu->race = true; /* its rows are other prefixes in every frame */
	if (ids == &none)
		fu->row_count =
			FURNITURE_ROWS; /* a race: of rows without names the title's place */
	else
		fill_prefixes(fu, ids);
	snprintf(fu->facts[0].figure, sizeof(fu->facts[0].figure), "%.2f", ids->mean);
	snprintf(fu->facts[0].label, sizeof(fu->facts[0].label), "nodes expected in a cell");
	describe_dispersion(&fu->facts[1], ids->dispersion);
	text_count(ids->crowded, fu->facts[2].figure);
	snprintf(fu->facts[2].label, sizeof(fu->facts[2].label), "crowded prefixes");
}

static void describe_ring(const struct words_moment *m, struct furniture *fu)
{
	static const struct ring_facts none;
	const struct ring_facts *r = m->ring ? m->ring : &none; /* labels stand still */
	unsigned deepest = 0;

	fu->subtitle[1] = "node ids as a ring, and inside it";
	snprintf(fu->ring_line, sizeof(fu->ring_line), "the k-buckets of %08x…",
		 m->opts->reference);
	fu->subtitle[2] = fu->ring_line;
	fu->mapped = false;
	fu->chart_aside = true;
	if (!m->plan)
		fu->history = NULL;
	if (fu->note == group_words((enum group_kind)m->scene->group)->mixed)
		fu->note = "in a circle side by side, by hue";
	for (unsigned i = 0; i <= RING_BUCKETS; i++)
		deepest = r->bucket[i] ? i : deepest;
	snprintf(fu->facts[0].figure, sizeof(fu->facts[0].figure), "%u", deepest);
	snprintf(fu->facts[0].label, sizeof(fu->facts[0].label), "bits shared by the nearest");
	describe_dispersion(&fu->facts[1], r->dispersion);
	text_count(r->crowded, fu->facts[2].figure);
	snprintf(fu->facts[2].label, sizeof(fu->facts[2].label), "arcs above twice their share");
}

static void describe_observatory(struct furniture *fu)
{
	fu->subtitle[1] = "on Earth, in address space, in id space:";
	fu->subtitle[2] = "every light a node";
	fu->chart_margin = 330;
}

void words_fill(const struct words_moment *m, struct furniture *fu)
{
	const struct group_words *g = group_words((enum group_kind)m->scene->group);
	const struct scene *s = m->scene;

	*fu = (struct furniture){
		.title = m->opts->title ? m->opts->title : "DHT TELESCOPE",
		.subtitle = { "BitTorrent Mainline DHT", "every light a node,", NULL },
		.mapped = true,
		.at_s = m->at_s,
		.note = note_of(m),
		.alight = m->alight,
		.networks = m->networks,
		.networks_label = g->count,
		.legend_title = g->legend,
		.unlocated = m->unlocated,
		.country_level = m->country_level,
		.history = m->history,
		.tone = m->tone,
		.attribution = s->attribution,
		.synthetic = m->opts->synthetic || s->synthetic,
		.text_scale = m->opts->text_scale,
		.race = m->opts->race && m->plan,
		.caption = m->caption,
		.caption_alpha = m->caption_alpha,
		.breath = m->mode == RENDER_BREATH,
	};
	strcpy(fu->alight_label, "nodes alight");
	label_weight(m, fu->weight_label);
	hue_line(m, fu->hue);
	fu->subtitle[2] = fu->hue;
	if (m->mode == RENDER_BREATH)
		fu->subtitle[1] = "amber, where more are there than in its day's mean,";
	fill_rows(fu, m);
	if (m->layout == LAYOUT_HILBERT)
		describe_hilbert(m, fu);
	else if (m->layout == LAYOUT_IDMAP)
		describe_idmap(m, fu);
	else if (m->layout == LAYOUT_RING)
		describe_ring(m, fu);
	else if (m->layout == LAYOUT_OBSERVATORY)
		describe_observatory(fu);
	if (fu->race && m->layout != LAYOUT_IDMAP)
		race(fu);
}

struct furniture_box words_box(const struct stage *first, enum layout_kind layout, unsigned width,
			       unsigned height)
{
	const struct hilbert *h = &first->hilbert;
	unsigned side = 1u << h->order;

	if (layout == LAYOUT_HILBERT && h->poster)
		return (struct furniture_box){ h->x + side / 2, h->y, side / 2, side / 4, width };
	if (layout == LAYOUT_OBSERVATORY)
		return (struct furniture_box){ 0, 0, first->width, height, width };
	return (struct furniture_box){ 0, 0, width, height, width };
}
