/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"
#include "viz/text.h"

static const struct {
	const char *what, *in, *out;
} names[] = {
	{ "plain", "Deutsche Telekom AG", "Deutsche Telekom AG" },
	{ "empty", "", "" },
	{ "26 characters", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz" },
	{ "27", "abcdefghijklmnopqrstuvwxyzA", "abcdefghijklmnopqrstuvwxy\u2026" },
	{ "26 of two bytes",
	  "\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6"
	  "\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4"
	  "\u00f6\u00fc\u00e4\u00f6",
	  "\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6"
	  "\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6" },
	{ "cut at a blank", "abcdefghijklmnopqrstuvwx yz", "abcdefghijklmnopqrstuvwx\u2026" },
	{ "blanks", "  Telia \t\n  Company\xc2\xa0 AB  ", "Telia Company AB" },
	{ "control bytes", "Evil\x01\x1b[31m\x7fNet", "Evil[31mNet" },
	{ "C1 controls",
	  "a\xc2\x80\xc2\x9f"
	  "b",
	  "ab" },
	{ "right to left override", "\u202eneveS\u202c \u200fISP\u2066x", "neveS ISPx" },
	{ "zero width", "a\u200b\u200d\ufeff\u2060b", "ab" },
	{ "stacked accents", "a\u0301\u0302\u0303\u0304b", "ab" },
	{ "private use", "a\ue000\U000f0000\uf8ffb", "ab" },
	{ "byte order mark and specials", "\ufeff\ufff9\uffffx", "x" },
	{ "broken UTF-8",
	  "a\xff\xc3(\xe2\x82z\x80"
	  "b",
	  "a(zb" },
	{ "overlong slash",
	  "a\xc0\xaf\xe0\x80\xaf"
	  "b",
	  "ab" },
	{ "surrogate",
	  "a\xed\xa0\x80"
	  "b",
	  "ab" },
	{ "cut off at the end", "abc\xe2\x82", "abc" },
	{ "markup stays text", "</script><b>&amp;", "</script><b>&amp;" },
	{ "only rubbish", "\x01\x02\u200b  \x7f", "" },
};

static void test_names(void **state)
{
	char out[TEXT_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		text_name(names[i].in, out);
		if (strcmp(out, names[i].out) != 0)
			fail_msg("%s: '%s', not '%s'", names[i].what, out, names[i].out);
	}
}

/* Whatever comes in: it ends, fits, and is no longer than promised. */
static void test_hostile_names(void **state)
{
	struct rng r = rng_open(13);
	char in[400], *out = malloc(TEXT_NAME_MAX); /* asan watches its end */

	(void)state;
	assert_non_null(out);
	for (int round = 0; round < 20000; round++) {
		size_t len = rng_below(&r, sizeof(in)), chars = 0;

		rng_fill(&r, in, len);
		if (round % 2)
			for (size_t i = 0; i + 4 < len; i += 4) /* valid: 4 bytes each */
				memcpy(in + i, "\xf0\x9f\x92\xa9", 4);
		in[len < sizeof(in) ? len : sizeof(in) - 1] = '\0';
		text_name(in, out);
		for (const char *c = out; *c; c++) {
			chars += ((unsigned char)*c & 0xc0) != 0x80;
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		}
		assert_true(chars <= TEXT_NAME_CHARS);
	}
	free(out);
}

static void test_counts(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(text_count(0, out), "0");
	assert_string_equal(text_count(999, out), "999");
	assert_string_equal(text_count(1000, out), "1,000");
	assert_string_equal(text_count(1234567, out), "1,234,567");
	assert_string_equal(text_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

static struct text *faces(void)
{
	struct text *t;

	assert_int_equal(text_open(&t), 0);
	return t;
}

static void test_tabular(void **state)
{
	struct text *t = faces();

	(void)state;
	for (unsigned face = TEXT_REGULAR; face <= TEXT_SEMIBOLD; face++) {
		struct text_style s = { .face = (enum text_face)face, .size_px = 20 };
		double one = text_width(t, &s, "1"), eight = text_width(t, &s, "8");

		assert_true(eight > one + 1);
		s.tabular = true;
		one = text_width(t, &s, "1,111,111");
		eight = text_width(t, &s, "8,888,888");
		assert_true(fabs(one - eight) < 1e-9);
		assert_true(fabs(text_width(t, &s, "01:23") - text_width(t, &s, "45:67")) < 1e-9);
	}
	text_close(t);
	text_close(NULL);
}

static void test_widths(void **state)
{
	struct text *t = faces();
	struct text_style s = { .size_px = 100 };
	double plain = text_width(t, &s, "Todd"), sum = 0;
	static const char *const letters[] = { "T", "o", "d", "d" };

	(void)state;
	for (int i = 0; i < 4; i++)
		sum += text_width(t, &s, letters[i]);
	assert_true(plain < sum - 2); /* T and o are kerned */
	assert_true(plain > 100 && plain < 300);
	s.size_px = 50;
	assert_true(fabs(text_width(t, &s, "Todd") * 2 - plain) < 1e-9);
	s.tracking_px = 10;
	assert_true(fabs(text_width(t, &s, "Todd") - plain / 2 - 30) < 1e-9);
	assert_true(text_width(t, &s, "") == 0);
	assert_true(text_width(t, &s, "\u4e2d") > 0); /* not in the face: shown as a box */
	text_close(t);
}

static void test_fit(void **state)
{
	static const char *const in[] = {
		"Comcast Cable Communications",
		"WWWWWWWWWWWW",
		"\u00c4\u00d6\u00dc \u00c4\u00d6\u00dc \u00c4\u00d6\u00dc",
		"a",
		"",
		"Already cut \u2026"
	};
	struct text *t = faces();
	struct text_style s = { .size_px = 13 };

	(void)state;
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		for (double width = 14; width < 220; width += 7) {
			char name[TEXT_NAME_MAX];
			double before;

			snprintf(name, sizeof(name), "%s", in[i]);
			before = text_width(t, &s, name);
			text_fit(t, &s, name, sizeof(name), width);
			assert_true(text_width(t, &s, name) <= width);
			if (before <= width)
				assert_string_equal(name, in[i]);
			else
				assert_non_null(strstr(name, "\u2026"));
		}
	text_close(t);
}

/* A name that fills its room has none for an ellipsis: the longer cut must do. */
static void test_fit_room(void **state)
{
	struct text *t = faces();
	struct text_style s = { .size_px = 13 };

	(void)state;
	for (size_t room = 1; room < 40; room++) {
		char *name = malloc(room); /* asan watches its end */

		assert_non_null(name);
		memset(name, 'm', room);
		name[room - 1] = '\0';
		text_fit(t, &s, name, room, 30);
		assert_true(text_width(t, &s, name) <= 30);
		free(name);
	}
	text_close(t);
}

/* Ink lands where it was asked for: left, centred, right of x, above the baseline. */
static void test_draw(void **state)
{
	struct text *t = faces();

	(void)state;
	for (unsigned align = TEXT_LEFT; align <= TEXT_RIGHT; align++) {
		cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 400, 60);
		cairo_t *cr = cairo_create(surface);
		struct text_style s = { .align = (enum text_align)align,
					.size_px = 20,
					.rgb = 0xff8040 };
		double width = text_draw(t, cr, &s, 200, 40, "HELLO");
		const uint8_t *px = cairo_image_surface_get_data(surface);
		double left = 200 - width * align / 2;
		unsigned ink = 0;

		cairo_surface_flush(surface);
		for (int y = 0; y < 60; y++)
			for (int x = 0; x < 400; x++) {
				const uint8_t *p =
					px + y * cairo_image_surface_get_stride(surface) + 4 * x;

				if (!p[3])
					continue;
				ink++;
				assert_true(y >= 24 && y <= 40);
				assert_true(x >= left - 1 && x <= left + width + 1);
				assert_true(abs(p[2] - p[3]) <= 1); /* red is full */
			}
		assert_true(ink > 200);
		cairo_destroy(cr);
		cairo_surface_destroy(surface);
	}
	text_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),    cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_counts),   cmocka_unit_test(test_tabular),
		cmocka_unit_test(test_widths),   cmocka_unit_test(test_fit),
		cmocka_unit_test(test_fit_room), cmocka_unit_test(test_draw),
	};

	return cmocka_run_group_tests_name("viz/text", tests, NULL, NULL);
}
