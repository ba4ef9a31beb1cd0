/* SPDX-License-Identifier: MIT */
#include "store/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Length of the character at @s and its code point, 0 where the bytes are no
 * UTF-8. Source: RFC 3629 section 4 (no overlong forms, no surrogates).
 */
static size_t decode(const unsigned char *s, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80       ? 1
		   : s[0] >> 5 == 6  ? 2
		   : s[0] >> 4 == 14 ? 3
		   : s[0] >> 3 == 30 ? 4
				     : 0;

	if (n <= 1) {
		*cp = s[0];
		return n;
	}
	*cp = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0; /* the terminating NUL ends here too */
		*cp = *cp << 6 | (s[i] & 0x3fu);
	}
	return *cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000) ? 0 : n;
}

/* Marks that turn or hide what stands beside them. */
static bool is_deceptive(uint32_t cp)
{
	return (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0x80 && cp < 0xa0);
}

/* Code points that are no characters (Unicode 23.7); XML has no way to write the last two. */
static bool is_none(uint32_t cp)
{
	return (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe;
}

char *text_clean(const char *in, char *out, size_t cap)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t n = 0;

	while (*s && n + 1 < cap) {
		uint32_t cp;
		size_t len = decode(s, &cp);

		if (len > 1 && !is_deceptive(cp) && !is_none(cp)) {
			if (n + len >= cap)
				break;
			memcpy(out + n, s, len);
			n += len;
			s += len;
			continue;
		}
		if (len == 1 && cp >= 0x20 && cp != 0x7f)
			out[n++] = (char)*s;
		else
			out[n++] = len == 1 && (cp == '\t' || cp == '\n' || cp == '\r') ? ' ' : '?';
		s += len ? len : 1;
	}
	out[n] = '\0';
	return out;
}
