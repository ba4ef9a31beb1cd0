/* SPDX-License-Identifier: MIT */
#include "engine/cli/conf_place.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "{store}";

static const struct {
	const char *key;
	size_t offset;
} files[CONF_PLACES] = {
#define FILE_KEY(name)                                                                             \
	{                                                                                          \
#name, offsetof(struct conf, name)                                                 \
	}
	FILE_KEY(report),    FILE_KEY(nodes_csv),   FILE_KEY(keep_bad),     FILE_KEY(pcap),
	FILE_KEY(truth_dir), FILE_KEY(status_file), FILE_KEY(network_file), FILE_KEY(metadata_file),
#undef FILE_KEY
};

static const char **name_at(struct conf *c, unsigned i)
{
	return (const char **)((char *)c + files[i].offset);
}

/* Where the store is, without the slashes behind it: what follows makes another name of it. */
static size_t store_length(const struct conf *c)
{
	size_t len = strlen(c->store);

	while (len > 1 && c->store[len - 1] == '/')
		len--;
	return len;
}

static int fill_in(const struct conf *c, const char *name, char **out)
{
	const char *at = strstr(name, mark);
	size_t before = (size_t)(at - name);
	int n;

	*out = malloc(PATH_MAX);
	if (!*out)
		return -ENOMEM;
	n = snprintf(*out, PATH_MAX, "%.*s%.*s%s", (int)before, name, (int)store_length(c),
		     c->store, at + sizeof(mark) - 1);
	return n < PATH_MAX ? 0 : DT_ERANGE;
}

int conf_place(const struct conf *c, struct conf_placed *out)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->conf = *c;
	for (unsigned i = 0; i < CONF_PLACES && rc == 0; i++) {
		const char **name = name_at(&out->conf, i);

		if (!strstr(*name, mark))
			continue;
		rc = fill_in(c, *name, &out->owned[i]);
		*name = out->owned[i];
	}
	if (rc < 0)
		conf_placed_fini(out);
	return rc;
}

void conf_placed_fini(struct conf_placed *p)
{
	for (unsigned i = 0; i < CONF_PLACES; i++) {
		free(p->owned[i]);
		p->owned[i] = NULL;
	}
}

const char *conf_placed_by(const struct conf *c)
{
	struct conf copy = *c;

	for (unsigned i = 0; i < CONF_PLACES; i++)
		if (strstr(*name_at(&copy, i), mark))
			return files[i].key;
	return NULL;
}
