/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_PAGE_H
#define ENGINE_PAGE_H

#include <stddef.h>

/** DOC: text for a person, line by line into the caller's buffer. */
struct page {
	char *buf;
	size_t cap, len; /* @len past @cap: it did not fit */
};

/** page_line() - printf() at its end; nothing more once it is full. */
void page_line(struct page *p, const char *form, ...) __attribute__((format(printf, 2, 3)));

/** page_group() - 1234567 as "1,234,567"; less than 0 is 0. Returns @out. */
const char *page_group(double v, char out[static 32]);

#endif
