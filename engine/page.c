/* SPDX-License-Identifier: MIT */
#include "engine/page.h"

#include <stdarg.h>
#include <stdio.h>

void page_line(struct page *p, const char *form, ...)
{
	va_list args;
	int n;

	if (p->len >= p->cap)
		return;
	va_start(args, form);
	n = vsnprintf(p->buf + p->len, p->cap - p->len, form, args);
	va_end(args);
	p->len += n > 0 ? (size_t)n : 0;
}

const char *page_group(double v, char out[static 32])
{
	char plain[32];
	int len = snprintf(plain, sizeof(plain), "%.0f", v < 0 ? 0 : v), at = 0;

	for (int i = 0; i < len && at < 30; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
	return out;
}
