/* SPDX-License-Identifier: MIT */
#include "proto/err.h"

#include <string.h>

static const char *own(int err)
{
	switch ((enum dt_err)err) {
	case DT_ESHORT:
		return "cut short";
	case DT_EMALF:
		return "malformed";
	case DT_EDEPTH:
		return "nested too deep";
	case DT_ETOKENS:
		return "too many tokens";
	case DT_ESIZE:
		return "a length that cannot be";
	case DT_ERANGE:
		return "out of range";
	case DT_EMISSING:
		return "a required part is missing";
	case DT_EKIND:
		return "not of a kind we know";
	case DT_EFULL:
		return "no room left";
	case DT_ENOTFOUND:
		return "not found";
	case DT_EFOREIGN:
		return "foreign format";
	case DT_ENEWER:
		return "written by a newer version";
	case DT_ECORRUPT:
		return "damaged";
	case DT_EREFUSED:
		return "refused by policy";
	case DT_EUNSUPPORTED:
		return "not supported here";
	case DT_ENOSPACE:
		return "no space left";
	}
	return "unknown error";
}

const char *dt_strerror(int err)
{
	const char *text;

	if (err >= 0)
		return "ok";
	if (err <= -1000)
		return own(err);
	/* glibc's table of constants: strerror() would share a buffer between threads. */
	text = strerrordesc_np(-err);
	return text ? text : "unknown system error";
}
