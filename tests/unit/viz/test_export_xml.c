/* SPDX-License-Identifier: MIT */
#include "tests/support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/tempdir.h"
#include "viz/export_xml.h"

/* What @put writes, as text in @got. */
static void written(void (*put)(struct export_out *out, const void *arg), const void *arg,
		    char got[static 1024])
{
	char dir[TEMPDIR_MAX], path[TEMPDIR_MAX + 8], sha256[65];
	struct export_out *out = malloc(sizeof(*out));
	uint64_t bytes;
	FILE *f;

	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(export_out_open(out, path, false), 0);
	put(out, arg);
	assert_int_equal(export_out_close(out, &bytes, sha256), 0);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(bytes < 1023);
	got[fread(got, 1, 1023, f)] = '\0';
	fclose(f);
	tempdir_remove(dir);
	free(out);
}

static void put_text(struct export_out *out, const void *arg)
{
	export_xml_text(out, span_of(arg, strlen(arg)));
}

static void put_time(struct export_out *out, const void *arg)
{
	export_xml_time(out, *(const uint32_t *)arg);
}

static void test_text(void **state)
{
	static const struct row {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a < b && c > \"d\"", "a &lt; b &amp;&amp; c &gt; &quot;d&quot;" },
		{ "]]>", "]]&gt;" },
		{ "&amp;", "&amp;amp;" },
		{ "it's \xd9\x85\xd8\xb1 \xf0\x9f\xa7\xaa",
		  "it's \xd9\x85\xd8\xb1 \xf0\x9f\xa7\xaa" },
	};
	char got[1024], long_one[EXPORT_TEXT_MAX + 1], want[6 * EXPORT_TEXT_MAX + 1] = "";

	(void)state;
	for (const struct row *r = rows; r < TABLE_END(rows); r++) {
		written(put_text, r->in, got);
		assert_string_equal(got, r->out);
	}
	/* The longest that there is, in the most bytes that it can take. */
	memset(long_one, '"', EXPORT_TEXT_MAX);
	long_one[EXPORT_TEXT_MAX] = '\0';
	for (unsigned i = 0; i < EXPORT_TEXT_MAX; i++)
		strcat(want, "&quot;");
	written(put_text, long_one, got);
	assert_string_equal(got, want);
}

static void test_time(void **state)
{
	static const uint32_t noon = 1795262400, least = 0, most = UINT32_MAX;
	char got[1024];

	(void)state;
	written(put_time, &noon, got);
	assert_string_equal(got, "2026-11-21T12:00:00Z");
	written(put_time, &least, got);
	assert_string_equal(got, "1970-01-01T00:00:00Z");
	written(put_time, &most, got);
	assert_string_equal(got, "2106-02-07T06:28:15Z");
}

struct row {
	struct span text;
	float number;
	uint16_t port;
};

static const struct export_column columns[] = {
	{ "text", "", EXPORT_TEXT, offsetof(struct row, text), sizeof(struct span) },
	{ "number", "", EXPORT_F32, offsetof(struct row, number), sizeof(float) },
	{ "port", "", EXPORT_U16, offsetof(struct row, port), sizeof(uint16_t) },
};

static void put_cells(struct export_out *out, const void *arg)
{
	for (unsigned i = 0; i < 3; i++) {
		export_xml_put(out, export_xml_type(&columns[i]));
		export_xml_put(out, export_xml_has(&columns[i], arg) ? "=" : "-");
		export_xml_cell(out, &columns[i], arg);
		export_xml_put(out, " ");
	}
}

static void test_cells(void **state)
{
	const struct row full = { SPAN_LIT("<x>"), -1.25f, 65535 };
	const struct row empty = { SPAN_LIT(""), NAN, 0 };
	char got[1024];

	(void)state;
	written(put_cells, &full, got);
	assert_string_equal(got, "string=&lt;x&gt; float=-1.25 long=65535 ");
	written(put_cells, &empty, got);
	assert_string_equal(got, "string- float- long=0 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text),
					    cmocka_unit_test(test_time),
					    cmocka_unit_test(test_cells) };

	return cmocka_run_group_tests_name("viz/export_xml", tests, NULL, NULL);
}
