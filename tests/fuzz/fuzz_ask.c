/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "viz/serve_ask.h"

enum { TEXT_MAX = 1024, LIMIT_MAX = 1000 };

/* "key=value&key=value" as a library would split it; a key alone has no value. */
static void put_all(struct serve_ask *a, unsigned known, char *text, size_t len)
{
	char *rest = text, *one;

	while ((one = strsep(&rest, "&")) != NULL) {
		char *value = strchr(one, '='), why[ASK_WHY_MAX];
		size_t n = value ? strlen(value + 1) : 0;

		if (value)
			*value++ = 0;
		/* the last one reaches to the end of the bytes, whatever NULs lie within */
		if (value && !rest)
			n = (size_t)(text + len - value);
		memset(why, 'x', sizeof(why));
		if (serve_ask_put(a, known, one, value, n, why) < 0)
			FUZZ_HOLDS(memchr(why, 0, sizeof(why)) != NULL);
	}
}

/**
 * DOC: a query and its heads: the first byte says which keys are known. What was taken lies
 * within its bounds; a cursor is what it was made from; a host that fits is no other name.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "dht.example", NULL };
	struct serve_ask a = { .limit = 1, .limit_max = LIMIT_MAX };
	char text[TEXT_MAX], cursor[ASK_CURSOR_HEX + 1];
	unsigned known;

	if (size < 1 || size > sizeof(text))
		return 0;
	known = data[0] & 63;
	if (known & ASK_CURSOR)
		known &= ~(unsigned)ASK_AFTER;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (serve_host_fits(text, names))
		FUZZ_HOLDS(strspn(text, "0123456789.") > 6 || *text == '[' ||
			   !strncasecmp(text, "localhost", 9) ||
			   !strncasecmp(text, "dht.example", 11));
	if (serve_accepts(text, "gzip"))
		FUZZ_HOLDS(strcasestr(text, "gzip") != NULL);
	put_all(&a, known, text, size - 1);
	FUZZ_HOLDS(a.limit >= 1 && a.limit <= LIMIT_MAX);
	FUZZ_HOLDS(a.where.prefix_bits <= 128 && a.after <= UINT32_MAX);
	FUZZ_HOLDS(a.ways < 1 << SIGHTING_WAYS);
	FUZZ_HOLDS(known & ASK_WHERE || export_where_is_all(&a.where));
	if (a.has_cursor)
		FUZZ_HOLDS(strlen(serve_cursor(&a.key, &a.ep, cursor)) == ASK_CURSOR_HEX);
	return 0;
}
