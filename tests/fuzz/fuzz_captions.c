/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "viz/captions.h"

/* Captions are by time, and their text is fit to be shown. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct captions c;
	char why[256];

	if (captions_parse((const char *)data, size, &c, why))
		return 0;
	for (unsigned i = 0; i < c.count; i++) {
		FUZZ_HOLDS(strlen(c.list[i].text) < CAPTIONS_TEXT_MAX);
		FUZZ_HOLDS(!strpbrk(c.list[i].text, "\n\r\t\x1b\x7f"));
		FUZZ_HOLDS(i == 0 || c.list[i - 1].at_s <= c.list[i].at_s);
		FUZZ_HOLDS(c.list[i].at_s <= UINT32_MAX);
	}
	captions_close(&c);
	return 0;
}
