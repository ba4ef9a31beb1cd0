/* SPDX-License-Identifier: MIT */
/**
 * DOC: flags by argp, files by libcyaml, both from conf_keys.def.
 *
 * libcyaml 1.3 knows no defaults: every key of the file is a pointer that stays
 * NULL where the key is absent, and is copied into struct conf only then.
 */
#include "engine/cli/conf.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/sim.h"
#include "engine/cli/campaign.h"
#include "engine/cli/cli.h"
#include "engine/cli/conf_place.h"
#include "engine/crawl.h"
#include "engine/survey.h"
#include "proto/json.h"

enum key_type { TYPE_U64, TYPE_F64, TYPE_STR, TYPE_BOOL };

/* Bare type words of the table are given their meaning by pasting. */
#define GROUP(number, title)
enum key_index {
#define KEY(type, name, argument, value, help) KEY_##name,
#include "engine/cli/conf_keys.def"
#undef KEY
	KEYS
};
_Static_assert((int)KEYS <= (int)CONF_KEYS_MAX, "set_by_flag has a place per key");

static const struct {
	const char *name;
	enum key_type type;
	size_t offset;
} keys[KEYS] = {
#define KEY(type, name, argument, value, help) { #name, TYPE_##type, offsetof(struct conf, name) },
#include "engine/cli/conf_keys.def"
#undef KEY
};

/*
 * Numbers are read as text and taken as a flag's are: libcyaml reads 10k as 10, and 1e999 as
 * something.
 */
#define FILE_U64  char *
#define FILE_F64  char *
#define FILE_STR  char *
#define FILE_BOOL bool *
struct conf_file {
#define KEY(type, name, argument, value, help) FILE_##type name;
#include "engine/cli/conf_keys.def"
#undef KEY
};

#define OPTIONAL         (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define FIELD_STR(name)  CYAML_FIELD_STRING_PTR(#name, OPTIONAL, struct conf_file, name, 0, 4096),
#define FIELD_U64(name)  FIELD_STR(name)
#define FIELD_F64(name)  FIELD_STR(name)
#define FIELD_BOOL(name) CYAML_FIELD_BOOL_PTR(#name, OPTIONAL, struct conf_file, name),
static const cyaml_schema_field_t file_fields[] = {
#define KEY(type, name, argument, value, help) FIELD_##type(name)
#include "engine/cli/conf_keys.def"
#undef KEY
	CYAML_FIELD_END
};
#undef GROUP

static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_POINTER, struct conf_file, file_fields) };

struct conf conf_default(void)
{
	struct conf c = {
#define GROUP(number, title)
#define KEY(type, name, argument, value, help) .name = value,
#include "engine/cli/conf_keys.def"
#undef KEY
#undef GROUP
	};

	return c;
}

/* ---- flags ------------------------------------------------------------- */

enum { FLAG_FIRST = 0x1000, FLAG_CONFIG = 0x2000, FLAG_PRINT };

static const char *flag_names[KEYS];
static struct argp_option options[2 * KEYS + 4];

static int parse_u64(const char *arg, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(arg, &end, 10);
	return *arg >= '0' && *arg <= '9' && !*end && !errno ? 0 : DT_EMALF;
}

static int parse_f64(const char *arg, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(arg, &end);
	return *arg && !*end && !errno && isfinite(*out) ? 0 : DT_EMALF;
}

static int parse_bool(const char *arg, bool *out)
{
	if (!arg || !strcmp(arg, "true") || !strcmp(arg, "yes") || !strcmp(arg, "1"))
		*out = true;
	else if (!strcmp(arg, "false") || !strcmp(arg, "no") || !strcmp(arg, "0"))
		*out = false;
	else
		return DT_EMALF;
	return 0;
}

/* By enum key_type. */
static const char *const wants[] = { "a whole number, 0 or more", "a number", "", "true or false" };

static void set_key(struct conf *c, unsigned k, const char *arg, struct argp_state *state)
{
	void *at = (char *)c + keys[k].offset;
	int rc = 0;

	switch (keys[k].type) {
	case TYPE_U64:
		rc = parse_u64(arg, at);
		break;
	case TYPE_F64:
		rc = parse_f64(arg, at);
		break;
	case TYPE_BOOL:
		rc = parse_bool(arg, at);
		break;
	case TYPE_STR:
		*(const char **)at = arg;
		break;
	}
	if (rc)
		argp_error(state, "--%s: '%s' is not %s", flag_names[k], arg, wants[keys[k].type]);
	c->set_by_flag[k] = 1;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct conf *c = state->input;

	if (key >= FLAG_FIRST && key < FLAG_FIRST + KEYS) {
		set_key(c, (unsigned)(key - FLAG_FIRST), arg, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* conf_keys.def spells keys with _, as YAML has them; flags have -. */
static const char *flag_of(const char *name)
{
	char *flag = strdup(name);

	for (char *p = flag; p && *p; p++)
		if (*p == '_')
			*p = '-';
	return flag ? flag : name;
}

/* Help shows the default, which the table has already. */
static const char *doc_of(const char *help, const char *value)
{
	char *doc;

	if (!strcmp(value, "\"\"") || asprintf(&doc, "%s [%s]", help, value) < 0)
		return help;
	return doc;
}

const struct argp *conf_argp(void)
{
	static const struct argp argp = { .options = options, .parser = parse_option };
	unsigned n = 0;

	if (options[0].doc)
		return &argp;
#define GROUP(number, title) options[n++] = (struct argp_option){ .doc = title, .group = number };
#define KEY(type, name_, argument, value, help)                                                    \
	flag_names[KEY_##name_] = flag_of(#name_);                                                 \
	options[n++] = (struct argp_option){                                                       \
		.name = flag_names[KEY_##name_],                                                   \
		.key = FLAG_FIRST + KEY_##name_,                                                   \
		.arg = argument,                                                                   \
		.doc = doc_of(help, #value),                                                       \
		.flags = TYPE_##type == TYPE_BOOL ? OPTION_ARG_OPTIONAL : 0,                       \
	};
#include "engine/cli/conf_keys.def"
#undef KEY
#undef GROUP
	return &argp;
}

/* ---- files ------------------------------------------------------------- */

/* What libcyaml said: its first complaint and the innermost place. */
struct complaint {
	char what[512];
	unsigned line, column;
};

static void take_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct complaint *c = ctx;
	char line[512];
	char *at;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = 0;
	at = strstr(line, "(line: ");
	if (at && !c->line && sscanf(at, "(line: %u, column: %u", &c->line, &c->column) == 2)
		return;
	if (!c->what[0] && !strstr(line, "Backtrace"))
		snprintf(c->what, sizeof(c->what), "%s",
			 strncmp(line, "Load: ", 6) ? line : line + 6);
}

static cyaml_config_t cyaml_setup(struct complaint *c)
{
	return (cyaml_config_t){ .log_fn = take_log,
				 .log_ctx = c,
				 .mem_fn = cyaml_mem,
				 .log_level = CYAML_LOG_ERROR,
				 .flags = CYAML_CFG_DEFAULT };
}

/* Returns the first key whose value is none, or KEYS. */
static unsigned take_file(struct conf *c, const struct conf_file *f)
{
	unsigned bad_key = KEYS;
	struct conf v = *c;
	bool ok;

#define GROUP(number, title)
#define TAKE_U64(name)  parse_u64(f->name, &v.name) == 0
#define TAKE_F64(name)  parse_f64(f->name, &v.name) == 0
#define TAKE_STR(name)  (v.name = f->name, true)
#define TAKE_BOOL(name) (v.name = *f->name, true)
#define KEY(type, name, argument, value, help)                                                     \
	if (f->name) {                                                                             \
		ok = TAKE_##type(name);                                                            \
		if (ok && !c->set_by_flag[KEY_##name])                                             \
			c->name = v.name;                                                          \
		if (!ok && bad_key == KEYS)                                                        \
			bad_key = KEY_##name;                                                      \
	}
#include "engine/cli/conf_keys.def"
#undef KEY
#undef GROUP
	return bad_key;
}

static void list_keys(char *out, size_t cap)
{
	size_t at = 0;

	for (unsigned k = 0; k < KEYS && at < cap; k++)
		at += (size_t)snprintf(out + at, cap - at, "%s%s", k ? " " : "", keys[k].name);
}

/*
 * libcyaml places an unexpected key at the value before it. Our files are one
 * flat mapping, so the key's own line is the first that begins with it.
 */
static void place_key(const char *path, const char *key, struct complaint *c)
{
	size_t len = strlen(key);
	FILE *f = fopen(path, "r");
	unsigned number = 0;
	char line[1024];

	while (f && len && fgets(line, sizeof(line), f)) {
		size_t indent = strspn(line, " ");

		number++;
		if (!strncmp(line + indent, key, len) && strchr(" :", line[indent + len])) {
			c->line = number;
			c->column = (unsigned)indent + 1;
			break;
		}
	}
	if (f)
		fclose(f);
}

static int say_complaint(const char *path, struct complaint *said, cyaml_err_t rc, char *why)
{
	bool unknown = rc == CYAML_ERR_INVALID_KEY;
	const char *key = strrchr(said->what, ' ');
	int n;

	if (unknown && key)
		place_key(path, key + 1, said);
	n = snprintf(why, CONF_WHY_MAX, "%.200s:%u:%u: %.280s", path, said->line, said->column,
		     said->what[0] ? said->what : cyaml_strerror(rc));
	if (unknown && n > 0 && n < CONF_WHY_MAX - 32) {
		n += snprintf(why + n, CONF_WHY_MAX - (size_t)n, "; keys are: ");
		list_keys(why + n, CONF_WHY_MAX - (size_t)n);
	}
	return DT_EMALF;
}

static int say_value(const char *path, const struct conf_file *f, unsigned k, char *why)
{
	struct complaint at = { 0 };
	const char *value = NULL;

#define GROUP(number, title)
#define TEXT_U64(name)  f->name
#define TEXT_F64(name)  f->name
#define TEXT_STR(name)  NULL
#define TEXT_BOOL(name) NULL
#define KEY(type, name, argument, fallback, help)                                                  \
	if (k == KEY_##name)                                                                       \
		value = TEXT_##type(name);
#include "engine/cli/conf_keys.def"
#undef KEY
#undef GROUP
	place_key(path, keys[k].name, &at);
	snprintf(why, CONF_WHY_MAX, "%.200s:%u:%u: %s: '%.80s' is not %s", path, at.line, at.column,
		 keys[k].name, value ? value : "", wants[keys[k].type]);
	return DT_EMALF;
}

int conf_load(struct conf *c, const char *path, char why[static CONF_WHY_MAX])
{
	struct complaint said = { 0 };
	cyaml_config_t setup = cyaml_setup(&said);
	struct conf_file *f = NULL;
	FILE *probe = fopen(path, "r");
	unsigned bad_key = KEYS;
	cyaml_err_t rc;

	if (!probe) {
		snprintf(why, CONF_WHY_MAX, "%s: %s", path, strerror(errno));
		return -errno;
	}
	fclose(probe);
	rc = cyaml_load_file(path, &setup, &file_schema, (cyaml_data_t **)&f, NULL);
	if (rc != CYAML_OK)
		return say_complaint(path, &said, rc, why);
	if (f) /* an empty file sets nothing */
		bad_key = take_file(c, f);
	c->file = f;
	return bad_key == KEYS ? 0 : say_value(path, f, bad_key, why);
}

void conf_free(struct conf *c)
{
	struct complaint said = { 0 };
	cyaml_config_t setup = cyaml_setup(&said);

	cyaml_free(&setup, &file_schema, c->file, 0);
	c->file = NULL;
}

/* libcyaml can save too, but writes 0.4 as 4.0000000000000002e-01. */
static void print_value(const struct conf *c, unsigned k, FILE *to)
{
	const void *at = (const char *)c + keys[k].offset;
	char text[8192];
	struct json j;

	json_init(&j, text, sizeof(text), false);
	switch (keys[k].type) {
	case TYPE_U64:
		json_u64(&j, *(const uint64_t *)at);
		break;
	case TYPE_F64:
		json_double(&j, *(const double *)at);
		break;
	case TYPE_BOOL:
		json_bool(&j, *(const bool *)at);
		break;
	case TYPE_STR: /* a JSON string is a YAML string */
		json_cstring(&j, *(const char *const *)at);
		break;
	}
	if (json_finish(&j) > 0)
		fprintf(to, "%s: %s\n", keys[k].name, text);
}

static bool one_of(const char *v, const char *list)
{
	size_t len = strlen(v);

	for (const char *p = list; *p; p += strspn(p, " ")) {
		size_t word = strcspn(p, " ");

		if (word == len && !memcmp(p, v, len))
			return true;
		p += word;
	}
	return false;
}

int conf_print(const struct conf *c, FILE *to)
{
	for (unsigned k = 0; k < KEYS; k++)
		print_value(c, k, to);
	return cli_flush(to);
}

int conf_print_census(const struct conf *c, FILE *to)
{
	static const char free_keys[] =
		"rate workers backend interface ports xdp_mode bind rcvbuf_bytes pin bootstrap "
		"max_endpoints max_runtime_s cooldown_s epochs resume checkpoint_s warm blocklist "
		"dry_run store report nodes_csv keep_bad truth_dir status_file network_file "
		"metadata_file notes "
		"geo city_mmdb asn_mmdb country_mmdb";

	for (unsigned k = 0; k < KEYS; k++)
		if (!one_of(keys[k].name, free_keys))
			print_value(c, k, to);
	return cli_flush(to);
}

/* ---- sense --------------------------------------------------------------- */

static int bad(char *why, const char *key, const char *allowed)
{
	snprintf(why, CONF_WHY_MAX, "%s: %s", key, allowed);
	return DT_ERANGE;
}

/* Every share of the bad world, and who could be there at all. */
static int check_bad(const struct conf *c, char *why)
{
	double silent = c->sim_oneway + c->sim_read_only + c->sim_reflectors;

#define BAD(name, value, help)                                                                     \
	if (!(c->sim_##name >= 0 && c->sim_##name <= 1))                                           \
		return bad(why, "sim_" #name, "a share from 0 to 1");
#include "bench/sim/bad.def"
#undef BAD
	if (!(silent <= c->dead * 0.95))
		return bad(why, "sim_oneway, sim_read_only, sim_reflectors",
			   "together at most 0.95 of dead, of which they are a part");
	if (!(silent + c->sim_remapped + c->sim_flappers + c->sim_liars + c->sim_poisoners < 1))
		return bad(why, "sim_...", "the kinds of nodes are more than all together");
	return 0;
}

double conf_bandwidth(const struct conf *c)
{
	static const char letters[] = "KMG";
	double v, unit = 1;
	char *end;

	if (!c->bandwidth[0])
		return 0;
	v = strtod(c->bandwidth, &end);
	for (const char *l = letters; *end && *l; l++) {
		unit *= 1000;
		if (*l == (*end & ~0x20) && !end[1])
			return v > 0 && isfinite(v) ? v * unit : -1;
	}
	return *end || !(v > 0) || !isfinite(v) ? -1 : v;
}

static int check_numbers(const struct conf *c, char *why)
{
	if (c->sim > 50000000)
		return bad(why, "sim", "at most 50000000 nodes");
	if (!(c->dead >= 0 && c->dead <= 0.95))
		return bad(why, "dead", "a share from 0 to 0.95");
	if (!(c->loss >= 0 && c->loss <= 0.9))
		return bad(why, "loss", "a share from 0 to 0.9");
	if (!(c->delay >= 0 && c->delay <= 10000))
		return bad(why, "delay", "0 to 10000 milliseconds");
	if (!(c->churn >= 0 && c->churn <= 0.5))
		return bad(why, "churn", "a share from 0 to 0.5");
	if (c->churn > 0 && c->dead < SIM_AWAY_MIN)
		return bad(why, "churn", "who comes must have been away: dead at least 0.05");
	if (!(c->diurnal >= 0 && (1 - c->dead) * (1 + c->diurnal) <=
					 1 - c->sim_oneway - c->sim_read_only - c->sim_reflectors))
		return bad(why, "diurnal",
			   "a share from 0 to dead / (1 - dead); less where some never answer");
	if (!(c->sim_time >= 0 && c->sim_time <= SIM_TIME_MAX_S))
		return bad(why, "sim_time", "0 to 1e9 seconds");
	if (!(c->rate >= 0 && c->rate <= 1e8))
		return bad(why, "rate", "0 to 100000000 packets per second");
	if (conf_bandwidth(c) < 0)
		return bad(why, "bandwidth", "bits per second: 10M, 1G, 500K");
	if (c->workers > 64)
		return bad(why, "workers", "0 to 64");
	if (!(c->mixing >= 0 && c->mixing <= 1))
		return bad(why, "mixing", "a share from 0 to 1");
	if (!(c->timeout1_s >= 0.05 && c->timeout1_s <= 60))
		return bad(why, "timeout1_s", "0.05 to 60 seconds");
	if (!(c->timeout2_s >= 0.05 && c->timeout2_s <= 60))
		return bad(why, "timeout2_s", "0.05 to 60 seconds");
	if (!(c->sweep_after_s >= 0 && c->sweep_after_s <= 3600))
		return bad(why, "sweep_after_s", "0 to 3600 seconds");
	if (!(c->late_s >= 0 && c->late_s <= 60))
		return bad(why, "late_s", "0 to 60 seconds");
	if (!(c->max_runtime_s >= 0))
		return bad(why, "max_runtime_s", "0 or more seconds");
	if (!(c->cooldown_s >= 0 && c->cooldown_s <= 600))
		return bad(why, "cooldown_s", "0 to 600 seconds");
	if (!(c->checkpoint_s >= 0 && c->checkpoint_s <= 86400))
		return bad(why, "checkpoint_s", "0 to 86400 seconds");
	if (!(c->raise_above >= 0 && c->raise_above <= 1))
		return bad(why, "raise_above", "a share from 0 to 1");
	if (!(c->certify == -1 || (c->certify >= 0 && c->certify <= 1)))
		return bad(why, "certify", "a share from 0 to 1, or -1");
	if (!(c->survey == -1 || (c->survey >= 0 && c->survey <= SURVEY_NODES_MAX)))
		return bad(why, "survey", "0 to 200000 nodes, or -1");
	if (c->canaries && (!c->sim || c->canaries > c->sim))
		return bad(why, "canaries",
			   "at most as many as --sim N has nodes: only a "
			   "simulation plants them");
	if (c->max_endpoints < 1000 || c->max_endpoints > 1000000000)
		return bad(why, "max_endpoints", "1000 to 1000000000");
	if (c->rcvbuf_bytes < 65536 || c->rcvbuf_bytes > 1073741824)
		return bad(why, "rcvbuf_bytes", "65536 to 1073741824");
	return 0;
}

int conf_check(const struct conf *c, char why[static CONF_WHY_MAX])
{
	enum crawl_plan plan;

	if (!one_of(c->sim_mode, "farm veth virtual"))
		return bad(why, "sim_mode", "farm, veth or virtual");
	if (!one_of(c->backend, "auto uring mmsg packet xdp"))
		return bad(why, "backend", "auto, uring, mmsg, packet or xdp");
	if (c->sim && one_of(c->backend, "packet xdp") && strcmp(c->sim_mode, "veth") != 0)
		return bad(why, "backend", "raw frames have their simulation on --sim-mode veth");
	if (!one_of(c->xdp_mode, "auto native generic"))
		return bad(why, "xdp_mode", "auto, native or generic");
	if (c->ports < 1 || c->ports > 16)
		return bad(why, "ports", "1 to 16");
	if (crawl_plan_from_text(c->plan, &plan) < 0)
		return bad(why, "plan",
			   "2+, 3, 4, 5, drain or ping; or of other crawlers: own, flip-c, "
			   "random1, random2, random4, random8, cpl16");
	if (!one_of(c->query, "find_node get_peers ping sample"))
		return bad(why, "query", "find_node, get_peers, ping or sample");
	if (!strcmp(c->metadata_file, "-") || !strcmp(c->status_file, "-"))
		return bad(why, "metadata_file, status_file",
			   "a file; only report and nodes_csv take - for standard output");
	if (c->truth_dir[0] && !c->sim)
		return bad(why, "truth_dir", "only a simulation (--sim N) has a truth to write");
	if (!c->store[0] && conf_placed_by(c))
		return bad(why, conf_placed_by(c), "{store} in a name needs a store");
	if (c->resume && !c->store[0])
		return bad(why, "resume",
			   "needs the store of the run that was killed (--store DIR)");
	if (campaign_check(c, why) < 0)
		return DT_ERANGE;
	if (check_bad(c, why))
		return DT_ERANGE;
	return check_numbers(c, why);
}
