/* SPDX-License-Identifier: MIT */
#include "engine/cli/args_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "engine/cli/cli.h"

enum {
	WORDS_MAX = 1024, /* of a file */
	KEY_MAX = 64,
	NAMES_MAX = 2048, /* bytes of a list of keys */
};

static const char flag[] = "--config";

/* ---- options of a table ---------------------------------------------------------------- */

static const struct argp_option *find_option(const struct argp *argp, const char *name)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->doc || o->key); o++)
		if (o->name && !strcmp(o->name, name))
			return o;
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		const struct argp_option *o = find_option(c->argp, name);

		if (o)
			return o;
	}
	return NULL;
}

static size_t list_names(const struct argp *argp, char *out, size_t at)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->doc || o->key); o++)
		if (o->name && at < NAMES_MAX && strcmp(o->name, flag + 2) != 0)
			at += (size_t)snprintf(out + at, NAMES_MAX - at, " %s", o->name);
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		at = list_names(c->argp, out, at);
	return at;
}

/* --name, --name=value, an abbreviation of it, or its letter. */
static bool is_given(const struct argp_option *o, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *w = argv[i];

		if (w[0] != '-' || !w[1])
			continue;
		if (w[1] != '-' && w[1] == o->key && isprint(o->key))
			return true;
		if (w[1] == '-' && w[2] && !strncmp(w + 2, o->name, strcspn(w + 2, "=")))
			return true;
	}
	return false;
}

/* ---- the file -------------------------------------------------------------------------- */

struct reading {
	const struct argp *argp;
	const char *path;
	int argc;
	char **argv;
	yaml_parser_t parser;
	char *words[WORDS_MAX];
	unsigned count;
};

static int complain(const struct reading *r, yaml_mark_t at, const char *what, const char *name)
{
	cli_fail("%s:%zu:%zu: %s%s", r->path, at.line + 1, at.column + 1, what, name);
	return DT_EMALF;
}

static int next(struct reading *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return 0;
	return complain(r, r->parser.problem_mark,
			r->parser.problem ? r->parser.problem : "no YAML", "");
}

static int add_word(struct reading *r, const struct argp_option *o, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	bool truth = !strcmp(value, "true") || !strcmp(value, "yes");
	char *word;

	if (strlen(value) != e->data.scalar.length)
		return complain(r, e->start_mark, "a NUL in the value of ", o->name);
	if (!o->arg && !truth && strcmp(value, "false") != 0 && strcmp(value, "no") != 0)
		return complain(r, e->start_mark, "true or false is wanted of ", o->name);
	if (!o->arg && !truth)
		return 0;
	if (r->count == WORDS_MAX)
		return complain(r, e->start_mark, "too many values", "");
	if (asprintf(&word, o->arg ? "--%s=%s" : "--%s", o->name, value) < 0)
		return -ENOMEM;
	r->words[r->count++] = word;
	return 0;
}

/* A value, or a list of them. */
static int read_value(struct reading *r, const struct argp_option *o)
{
	bool skip = is_given(o, r->argc, r->argv), list = false;
	yaml_event_t e;
	int rc;

	do {
		rc = next(r, &e);
		if (rc < 0)
			return rc;
		if (e.type == YAML_SCALAR_EVENT && !skip)
			rc = add_word(r, o, &e);
		else if (e.type == YAML_SEQUENCE_START_EVENT && !list && o->arg)
			list = true;
		else if (e.type == YAML_SEQUENCE_END_EVENT)
			list = false;
		else if (e.type != YAML_SCALAR_EVENT)
			rc = complain(r, e.start_mark, "a plain value is wanted of ", o->name);
		yaml_event_delete(&e);
	} while (rc == 0 && list);
	return rc;
}

static int read_key(struct reading *r, const yaml_event_t *e)
{
	char name[KEY_MAX], all[NAMES_MAX] = "";
	const struct argp_option *o;
	size_t n = e->data.scalar.length;

	if (e->type != YAML_SCALAR_EVENT || n >= sizeof(name))
		return complain(r, e->start_mark, "a key is wanted: the name of an option", "");
	for (size_t i = 0; i <= n; i++)
		name[i] = e->data.scalar.value[i] == '_' ? '-' : (char)e->data.scalar.value[i];
	o = find_option(r->argp, name);
	if (!o || !strcmp(name, flag + 2)) {
		list_names(r->argp, all, 0);
		complain(r, e->start_mark, "no key ", name);
		cli_say("  keys are:%s", all);
		return DT_EMALF;
	}
	return read_value(r, o);
}

/* The one mapping of the one document. */
static int read_mapping(struct reading *r)
{
	bool open = false, done = false;
	int rc = 0;

	while (rc == 0 && !done) {
		yaml_event_t e;

		rc = next(r, &e);
		if (rc < 0)
			return rc;
		switch ((int)e.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
			break;
		case YAML_STREAM_END_EVENT: /* an empty file sets nothing */
			done = true;
			break;
		case YAML_MAPPING_START_EVENT:
			if (open)
				rc = complain(r, e.start_mark, "a key is wanted", "");
			open = true;
			break;
		case YAML_MAPPING_END_EVENT:
			done = true;
			break;
		default:
			rc = open ? read_key(r, &e)
				  : complain(r, e.start_mark, "lines `option: value` are wanted",
					     "");
		}
		yaml_event_delete(&e);
	}
	return rc;
}

static int read_file(struct reading *r)
{
	FILE *f = fopen(r->path, "re");
	int rc;

	if (!f) {
		rc = -errno;
		cli_fail("%s: %s", r->path, dt_strerror(rc));
		return rc;
	}
	if (!yaml_parser_initialize(&r->parser)) {
		fclose(f);
		return -ENOMEM;
	}
	yaml_parser_set_input_file(&r->parser, f);
	rc = read_mapping(r);
	yaml_parser_delete(&r->parser);
	fclose(f);
	return rc;
}

/* ---- both together ------------------------------------------------------------------------ */

/* The last one that is named. */
static const char *named(int argc, char **argv)
{
	const size_t n = sizeof(flag) - 1;
	const char *path = NULL;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], flag) && i + 1 < argc)
			path = argv[++i];
		else if (!strncmp(argv[i], flag, n) && argv[i][n] == '=')
			path = argv[i] + n + 1;
	}
	return path;
}

/* @all: room for both. */
static void join(struct reading *r, char **all, char **words, struct args_file *out)
{
	all[0] = r->argv[0];
	memcpy(words, r->words, r->count * sizeof(*words));
	memcpy(all + 1, r->words, r->count * sizeof(*all));
	if (r->argc > 1)
		memcpy(all + 1 + r->count, r->argv + 1, (size_t)(r->argc - 1) * sizeof(*all));
	*out = (struct args_file){
		.argv = all, .argc = r->argc + (int)r->count, .words = words, .count = r->count
	};
}

int args_file_take(const struct argp *argp, int argc, char **argv, struct args_file *out)
{
	struct reading r = { .argp = argp, .path = named(argc, argv), .argc = argc, .argv = argv };
	int rc = r.path ? read_file(&r) : 0;
	char **all = calloc((size_t)argc + r.count + 1, sizeof(*all));
	char **words = calloc(r.count + 1, sizeof(*words));

	if (rc == 0 && all && words) {
		join(&r, all, words, out);
		return 0;
	}
	for (unsigned i = 0; i < r.count; i++)
		free(r.words[i]);
	free(all);
	free(words);
	return rc < 0 ? rc : -ENOMEM;
}

void args_file_fini(struct args_file *a)
{
	for (unsigned i = 0; i < a->count; i++)
		free(a->words[i]);
	free(a->words);
	free(a->argv);
	*a = (struct args_file){ .argc = 0 };
}
