/* SPDX-License-Identifier: MIT */
#include "viz/compose_impl.h"

/**
 * DOC: eight pixels at a time, each channel of theirs in one register. Every
 * operation is that of compose.c, in its order, so the bytes are the same; only
 * machines with AVX2 get here. The ground is not written down and read again:
 * eight pixels of it are made where they are needed.
 */

#ifdef __x86_64__
#include <immintrin.h>

#define WIDE        __attribute__((target("avx2")))
#define WIDE_INLINE static inline __attribute__((always_inline, target("avx2")))

enum { NOISE_SIDE = COMPOSE_NOISE_SIDE, STEP = BASEMAP_STEP };
_Static_assert(STEP == 8 && ACCUM_TILE % STEP == 0, "a step is a register");

struct wide {
	__m256 r, g, b;
};

/* What a row is made from, and what of it does not change along it. */
struct wide_row {
	const struct basemap *base;
	const uint32_t *px;
	const float *day; /* NULL = no day and night */
	float fade;
	uint32_t last; /* the ground's latest pixel, and its light */
	struct wide ground;
	const float *srgb;
	const accum_light *glow, *light;
	const float *noise; /* three rows of NOISE_SIDE */
	const uint32_t *words;
	uint8_t *out;
	float glow_gain;
};

bool compose_wide_here(void)
{
	return __builtin_cpu_supports("avx2");
}

WIDE_INLINE __m256 each(float v)
{
	return _mm256_set1_ps(v);
}

WIDE_INLINE __m256 two(const accum_light *low, const accum_light *high)
{
	return _mm256_insertf128_ps(_mm256_castps128_ps256(*low), *high, 1);
}

/* Eight pixels, channel by channel. */
WIDE_INLINE struct wide channels(const accum_light px[8])
{
	__m256 a = two(&px[0], &px[4]), b = two(&px[1], &px[5]);
	__m256 c = two(&px[2], &px[6]), d = two(&px[3], &px[7]);
	__m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);

	return (struct wide){
		.r = _mm256_shuffle_ps(ab, cd, 0x44),
		.g = _mm256_shuffle_ps(ab, cd, 0xee),
		.b = _mm256_shuffle_ps(_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d), 0x44),
	};
}

WIDE_INLINE __m256 looked_up(const float *table, __m256i at)
{
	return _mm256_i32gather_ps(table, at, 4);
}

WIDE_INLINE __m256i byte_of(__m256i words, int shift)
{
	return _mm256_and_si256(_mm256_srli_epi32(words, shift), _mm256_set1_epi32(255));
}

WIDE_INLINE __m256 faded(__m256 v, float page, float fade)
{
	return _mm256_add_ps(each(page), _mm256_mul_ps(_mm256_sub_ps(v, each(page)), each(fade)));
}

WIDE_INLINE bool all_are(__m256i px, uint32_t v)
{
	return _mm256_movemask_epi8(_mm256_cmpeq_epi32(px, _mm256_set1_epi32((int)v))) == -1;
}

/* As basemap_row() has them. */
WIDE_INLINE struct wide ground_at(struct wide_row *r, const struct basemap_row *globe, unsigned x)
{
	const __m256i px = _mm256_loadu_si256((const __m256i *)(const void *)(r->px + x));
	const float *byte = r->base->byte;
	struct wide v;

	/* sea follows on sea, land on land */
	if (!all_are(px, r->last)) {
		r->ground = (struct wide){ looked_up(byte, byte_of(px, 16)),
					   looked_up(byte, byte_of(px, 8)),
					   looked_up(byte, byte_of(px, 0)) };
		r->last = r->px[x];
		if (!all_are(px, r->last))
			r->last = UINT32_MAX; /* no ground: eight that differ do not go on */
	}
	v = r->ground;
	if (r->day) {
		float more[STEP];
		__m256 m;

		basemap_more(globe, r->day, x, more);
		m = _mm256_loadu_ps(more);
		v.r = _mm256_add_ps(v.r, _mm256_mul_ps(v.r, m));
		v.g = _mm256_add_ps(v.g, _mm256_mul_ps(v.g, m));
		v.b = _mm256_add_ps(v.b, _mm256_mul_ps(v.b, m));
	}
	if (r->fade < 1) {
		v.r = faded(v.r, r->base->page[0], r->fade);
		v.g = faded(v.g, r->base->page[1], r->fade);
		v.b = faded(v.b, r->base->page[2], r->fade);
	}
	return v;
}

WIDE_INLINE __m256 encode(const float *srgb, __m256 v)
{
	const __m256 steps = each((float)COMPOSE_SRGB_STEPS);

	v = _mm256_sqrt_ps(_mm256_min_ps(_mm256_max_ps(v, _mm256_setzero_ps()), each(1)));
	return looked_up(srgb,
			 _mm256_cvttps_epi32(_mm256_add_ps(_mm256_mul_ps(v, steps), each(0.5f))));
}

/* Light over ground, as two slides on one screen. */
WIDE_INLINE __m256 screen(const float *srgb, __m256 base, __m256 v, __m256 gain)
{
	return encode(srgb, _mm256_add_ps(base, _mm256_mul_ps(_mm256_mul_ps(v, gain),
							      _mm256_sub_ps(each(1), base))));
}

WIDE_INLINE __m256 over(__m256 under, __m256 keep, __m256i word)
{
	return _mm256_add_ps(_mm256_mul_ps(under, keep), _mm256_cvtepi32_ps(word));
}

WIDE_INLINE void lay_words(struct wide *v, const uint32_t *words)
{
	const __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)words);
	const __m256 alpha = _mm256_cvtepi32_ps(_mm256_srli_epi32(w, 24));
	const __m256 keep = _mm256_sub_ps(each(1), _mm256_div_ps(alpha, each(255)));

	if (_mm256_testz_si256(w, w))
		return;
	v->r = over(v->r, keep, byte_of(w, 16));
	v->g = over(v->g, keep, byte_of(w, 8));
	v->b = over(v->b, keep, byte_of(w, 0));
}

/* As bytes, pixel by pixel; what lies outside 0 .. 255 is brought within. */
WIDE_INLINE void put(const struct wide *v, uint8_t *out)
{
	const __m256i by_pixel = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
	__m256i rg = _mm256_packs_epi32(_mm256_cvttps_epi32(v->r), _mm256_cvttps_epi32(v->g));
	__m256i ba = _mm256_packs_epi32(_mm256_cvttps_epi32(v->b), _mm256_set1_epi32(255));

	_mm256_storeu_si256((__m256i *)(void *)out,
			    _mm256_shuffle_epi8(_mm256_packus_epi16(rg, ba), by_pixel));
}

WIDE_INLINE void compose_eight(struct wide_row *r, const struct basemap_row *globe, unsigned x,
			       struct compose_kind k)
{
	const struct wide base = ground_at(r, globe, x);
	const float *noise = r->noise + x % NOISE_SIDE;
	struct wide v = channels(r->glow + x);
	__m256 most, gain;

	v.r = _mm256_mul_ps(v.r, each(r->glow_gain));
	v.g = _mm256_mul_ps(v.g, each(r->glow_gain));
	v.b = _mm256_mul_ps(v.b, each(r->glow_gain));
	if (k.lit) {
		const struct wide light = channels(r->light + x);

		v.r = _mm256_add_ps(v.r, light.r);
		v.g = _mm256_add_ps(v.g, light.g);
		v.b = _mm256_add_ps(v.b, light.b);
	}
	most = _mm256_max_ps(_mm256_max_ps(v.r, v.g), v.b);
	gain = k.dark ? _mm256_sub_ps(each(1.7f), _mm256_mul_ps(each(2.601f), most))
		      : _mm256_div_ps(each(1.7f),
				      _mm256_add_ps(each(1), _mm256_mul_ps(each(1.53f), most)));
	v.r = screen(r->srgb, base.r, v.r, gain);
	v.g = screen(r->srgb, base.g, v.g, gain);
	v.b = screen(r->srgb, base.b, v.b, gain);
	if (k.worded)
		lay_words(&v, r->words + x);
	v.r = _mm256_add_ps(v.r, _mm256_loadu_ps(noise));
	v.g = _mm256_add_ps(v.g, _mm256_loadu_ps(noise + NOISE_SIDE));
	v.b = _mm256_add_ps(v.b, _mm256_loadu_ps(noise + 2 * NOISE_SIDE));
	put(&v, r->out + 4 * (size_t)x);
}

WIDE_INLINE void compose_tile(struct wide_row *r, const struct basemap_row *globe, unsigned x0,
			      struct compose_kind k)
{
	for (unsigned x = x0; x < x0 + ACCUM_TILE; x += STEP)
		compose_eight(r, globe, x, k);
}

/* As noise_row() of compose.c, channel by channel. */
static void noise_rows(const struct compose_pass *p, unsigned y, float *out)
{
	const float *noise = p->tables->noise;

	for (unsigned i = 0; i < 3; i++) {
		unsigned fy = y + p->parts->frame * 41 + i * 29;

		for (unsigned x = 0; x < NOISE_SIDE; x++) {
			unsigned fx = x + p->parts->frame * 23 + i * 17;

			out[i * NOISE_SIDE + x] =
				0.5f + noise[fy % NOISE_SIDE * NOISE_SIDE + fx % NOISE_SIDE];
		}
	}
}

WIDE static void compose_tiles(struct wide_row *r, const struct basemap_row *globe,
			       const struct compose_parts *c, const uint8_t *lit,
			       const uint8_t *words)
{
	const unsigned tiles = c->width / ACCUM_TILE;

	for (unsigned t = 0; t < tiles; t++) {
		const unsigned x = t * ACCUM_TILE;
		const bool is_lit = r->light && (!lit || lit[t]);
		const bool is_worded = r->words && (!words || words[t]);

		if (is_lit && is_worded)
			compose_tile(r, globe, x, (struct compose_kind){ true, true, false });
		else if (is_lit)
			compose_tile(r, globe, x, (struct compose_kind){ true, false, false });
		else if (is_worded)
			compose_tile(r, globe, x, (struct compose_kind){ false, true, false });
		else if (compose_nearly_dark(r->glow, x, x + ACCUM_TILE, c->glow))
			compose_tile(r, globe, x, (struct compose_kind){ false, false, true });
		else
			compose_tile(r, globe, x, (struct compose_kind){ false, false, false });
	}
}

void compose_wide_row(const struct compose_pass *p, unsigned y, accum_light *rows)
{
	const struct compose_parts *c = p->parts;
	const unsigned stride = c->stride ? c->stride : c->width, ty = y / ACCUM_TILE;
	const unsigned tiles = c->width / ACCUM_TILE;
	float day[BASEMAP_STEPS_MAX];
	float *noise = (float *)(void *)(rows + COMPOSE_ROW_ROOM(c->width));
	struct wide_row r = { .base = c->base,
			      .px = c->base->px + (size_t)y * c->width,
			      .day = c->sun && basemap_day(c->base, y, c->sun, day) ? day : NULL,
			      .fade = c->base->fade[y],
			      .last = UINT32_MAX,
			      .srgb = p->tables->srgb,
			      .glow = rows,
			      .light = c->light ? c->light + (size_t)y * c->width : NULL,
			      .noise = noise,
			      .words = c->overlay ? c->overlay + (size_t)y * stride : NULL,
			      .out = p->rgba + (size_t)y * stride * 4,
			      .glow_gain = c->glow };

	bloom_row(c->bloom, y, rows);
	noise_rows(p, y, noise);
	compose_tiles(&r, &c->base->rows[y], c, c->lit ? c->lit + (size_t)ty * tiles : NULL,
		      c->words ? c->words + (size_t)ty * tiles : NULL);
}
#else
bool compose_wide_here(void)
{
	return false;
}

void compose_wide_row(const struct compose_pass *p, unsigned y, accum_light *rows)
{
	(void)p;
	(void)y;
	(void)rows;
}
#endif
