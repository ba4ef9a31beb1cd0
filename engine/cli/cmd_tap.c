/* SPDX-License-Identifier: MIT */
/** DOC: `tap`: who talks on this wire, or in this capture file. Sends nothing. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/cli/args.h"
#include "engine/cli/args_file.h"
#include "engine/cli/cli.h"
#include "engine/cli/keep.h"
#include "engine/tap_report.h"
#include "engine/tap_run.h"

enum { REPORT_MAX = 1 << 17 };

struct tap_args {
	struct keep_opts keep;
	struct tap_run_opts run;
};

enum {
	OPT_INTERFACE = 'i',
	OPT_READ = 'r',
	OPT_PORT = 'p',
	OPT_QUEUES = 0x100,
	OPT_SPEED,
	OPT_FILTER,
	OPT_BUFFER,
	OPT_INCOMING,
	OPT_PROMISCUOUS,
	OPT_PIN,
	OPT_KINDS,
	OPT_TIMEOUT,
	OPT_NODES_MAX,
	OPT_RUNTIME,
	OPT_EDGES,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Where to listen:", 1 },
	{ "interface", OPT_INTERFACE, "DEVICE", 0, "A device, or any", 1 },
	{ "read", OPT_READ, "FILE", 0, "A pcap or pcapng file; - = standard input", 1 },
	{ "speed", OPT_SPEED, "FACTOR", 0,
	  "Of a file: 1 = as it was recorded, 10 = ten times; 0 = as fast as it goes [0]", 1 },
	{ "port", OPT_PORT, "PORT,...", 0,
	  "Only datagrams of these ports, at either end; else all that look like KRPC", 1 },
	{ "filter", OPT_FILTER, "EXPRESSION", 0,
	  "pcap-filter(7); of a device the default is UDP of the ports, VLANs, fragments", 1 },
	{ NULL, 0, NULL, 0, "A device:", 2 },
	{ "queues", OPT_QUEUES, "N", 0, "Rings, a core each; 0 = one per core [0]", 2 },
	{ "buffer-mib", OPT_BUFFER, "MIB", 0, "Of each ring [64]", 2 },
	{ "incoming", OPT_INCOMING, NULL, 0, "Leave out what this machine sends", 2 },
	{ "promiscuous", OPT_PROMISCUOUS, NULL, 0, "Also what is meant for others", 2 },
	{ "no-pin", OPT_PIN, NULL, 0, "Do not keep each queue on its core", 2 },
	{ "max-runtime-s", OPT_RUNTIME, "S", 0, "End after this long; 0 = never [0]", 2 },
	{ NULL, 0, NULL, 0, "What is remembered:", 3 },
	{ "timeout-s", OPT_TIMEOUT, "S", 0, "A reply later than this answers nothing [15]", 3 },
	{ "nodes-max", OPT_NODES_MAX, "N", 0, "Nodes of a queue, 64 bytes each [4194304]", 3 },
	{ "edges", OPT_EDGES, NULL, 0,
	  "Keep who listed whom in the store, too, as an epoch of its own", 3 },
	{ "log-kinds", OPT_KINDS, "KIND,...", 0,
	  "Messages that are kept, in the store and by --log: ping, find_node, get_peers, "
	  "announce_peer, sample_infohashes, get, "
	  "put, "
	  "other, reply, error, malformed, or all [get_peers,announce_peer]",
	  3 },
	{ 0 },
};

static void parse_ports(const char *arg, struct tap_opts *o, struct argp_state *state)
{
	char *list = strdup(arg), *save = NULL;

	for (char *p = list ? strtok_r(list, ", ", &save) : NULL; p;
	     p = strtok_r(NULL, ", ", &save)) {
		if (o->port_count == TAP_PORTS_MAX)
			argp_error(state, "--port: at most %d", TAP_PORTS_MAX);
		o->ports[o->port_count++] = (uint16_t)args_number(p, 1, 65535, "port", state);
	}
	free(list);
}

static uint32_t parse_kinds(const char *arg, struct argp_state *state)
{
	char *list = strdup(arg), *save = NULL;
	uint32_t kinds = 0;

	for (char *p = list ? strtok_r(list, ", ", &save) : NULL; p;
	     p = strtok_r(NULL, ", ", &save)) {
		unsigned k = HEARD_PING;

		if (!strcmp(p, "all")) {
			kinds = UINT32_MAX;
			continue;
		}
		while (k < HEARD_KINDS && strcmp(p, heard_kind_name(k)) != 0)
			k++;
		if (k == HEARD_KINDS)
			argp_error(state, "--log-kinds: no kind '%s'; see --help", p);
		kinds |= 1u << k;
	}
	free(list);
	return kinds;
}

static error_t parse_device_option(int key, char *arg, struct tap_args *a, struct argp_state *state)
{
	switch (key) {
	case OPT_QUEUES:
		a->run.live.queues =
			(unsigned)args_number(arg, 0, CAPTURE_QUEUES_MAX, "queues", state);
		break;
	case OPT_BUFFER:
		a->run.live.buffer_bytes = (size_t)args_number(arg, 1, 2047, "buffer-mib", state)
					   << 20;
		break;
	case OPT_INCOMING:
		a->run.live.ignore_outgoing = true;
		break;
	case OPT_PROMISCUOUS:
		a->run.live.promiscuous = true;
		break;
	case OPT_PIN:
		a->run.pin = false;
		break;
	case OPT_RUNTIME:
		a->run.max_runtime_ns =
			(uint64_t)(args_number(arg, 0, 1e9, "max-runtime-s", state) * 1e9);
		break;
	case OPT_TIMEOUT:
		a->run.tap.timeout_ms =
			(uint32_t)(args_number(arg, 0.1, 600, "timeout-s", state) * 1000);
		break;
	case OPT_NODES_MAX:
		a->run.tap.nodes_max = (uint32_t)args_number(arg, 1000, 1e9, "nodes-max", state);
		break;
	case OPT_KINDS:
		a->run.tap.heard_kinds = parse_kinds(arg, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct tap_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->keep;
		break;
	case OPT_INTERFACE:
		a->run.live.device = arg;
		break;
	case OPT_READ:
		a->run.file = arg;
		break;
	case OPT_SPEED:
		a->run.speed = args_number(arg, 0, 1e6, "speed", state);
		break;
	case OPT_PORT:
		parse_ports(arg, &a->run.tap, state);
		break;
	case OPT_FILTER:
		a->run.filter = arg;
		break;
	case OPT_EDGES:
		a->run.edges = a->keep.edges = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option; a file is read with --read %s", arg, arg);
		break;
	case ARGP_KEY_END:
		if (!a->run.file == !a->run.live.device)
			argp_error(state, "one of --interface DEVICE and --read FILE");
		break;
	default:
		return parse_device_option(key, arg, a, state);
	}
	return 0;
}

static int parse(int argc, char **argv, struct tap_args *a, struct args_file *file)
{
	static const struct argp_child children[] = { { &keep_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Passive capture: every KRPC message on a wire or in a capture file, "
		       "queries "
		       "matched with their replies, its nodes into the store. Sends nothing.\v"
		       "A device needs CAP_NET_RAW; it is laid down once the rings are open. "
		       "Payload is never kept: ids, addresses, info-hashes, client tags and times "
		       "are. "
		       "SIGINT ends it with its report. Exit status 0 done, 1 failed, 2 usage.",
	};

	if (args_file_take(&argp, argc, argv, file) < 0)
		return CLI_USAGE;
	argp_parse(&argp, file->argc, file->argv, 0, NULL, a);
	return CLI_OK;
}

/* ---- shares of the traffic ----------------------------------------------------------- */

struct shares {
	struct tap_share *list; /* by ASN, sorted as it grows */
	unsigned count, cap;
};

static struct tap_share *share_of(struct shares *s, uint32_t asn)
{
	unsigned low = 0, high = s->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (s->list[mid].asn < asn)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->count && s->list[low].asn == asn)
		return &s->list[low];
	if (s->count == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 256;
		struct tap_share *list = realloc(s->list, cap * sizeof(*list));

		if (!list)
			return NULL;
		s->list = list;
		s->cap = cap;
	}
	memmove(s->list + low + 1, s->list + low, (s->count - low) * sizeof(*s->list));
	s->count++;
	s->list[low] = (struct tap_share){ .asn = asn };
	return &s->list[low];
}

static int by_messages(const void *a, const void *b)
{
	const struct tap_share *x = a, *y = b;

	return x->messages != y->messages
		       ? (x->messages < y->messages) - (x->messages > y->messages)
		       : (x->asn > y->asn) - (x->asn < y->asn);
}

static void count_node(struct shares *s, const struct geo *geo, const struct tap_node *n,
		       struct tap_report *rep)
{
	struct geo_place place;
	struct tap_share *share;

	rep->asked += (n->did & TAP_ASKED) != 0;
	rep->replied += (n->did & TAP_REPLIED) != 0;
	rep->answered += (n->did & TAP_ANSWERED) != 0;
	geo_lookup(geo, &n->ep, &place);
	share = share_of(s, place.asn);
	if (!share)
		return;
	share->nodes++;
	share->messages += n->messages;
	share->bytes += n->bytes;
}

static void count_nodes(const struct geo *geo, const struct tap *t, struct tap_report *rep)
{
	struct shares s = { NULL, 0, 0 };
	char org[GEO_ORG_MAX];

	for (uint32_t i = 0; i < tap_node_slots(t); i++)
		if (tap_node_at(t, i))
			count_node(&s, geo, tap_node_at(t, i), rep);
	if (s.count == 1 && s.list[0].asn == 0)
		s.count = 0; /* no database: nothing to share out */
	if (s.count)
		qsort(s.list, s.count, sizeof(*s.list), by_messages);
	for (unsigned i = 0; i < s.count && i < TAP_SHARES_MAX; i++) {
		rep->networks[rep->network_count] = s.list[i];
		snprintf(rep->networks[rep->network_count++].name, TAP_SHARE_NAME_MAX, "%.63s",
			 s.list[i].asn ? geo_org(geo, s.list[i].asn, org) : "not known");
	}
	free(s.list);
}

static int report(const struct tap_args *a, struct keep *k, const struct tap_run *run,
		  const struct tap_result *res, char **json_out)
{
	struct tap_report rep = { .result = res,
				  .source = a->run.file ? a->run.file : a->run.live.device,
				  .version = cli_version() };
	char *text = malloc(REPORT_MAX), *json = malloc(REPORT_MAX);
	int rc = text && json ? 0 : -ENOMEM;

	count_nodes(k->geo, tap_run_nodes(run), &rep);
	if (rc >= 0)
		rc = tap_report_to_json(&rep, json, REPORT_MAX);
	if (rc >= 0)
		rc = tap_report_to_text(&rep, text, REPORT_MAX);
	if (rc >= 0)
		rc = keep_report(k, text, json);
	free(text);
	*json_out = json;
	return rc;
}

static int tap(struct tap_args *a, struct keep *k)
{
	char why[CAPTURE_WHY_MAX];
	struct tap_result res;
	struct tap_run *run;
	char *json = NULL;
	int rc, told;

	a->run.sink = keep_sink(k);
	a->run.heard = k->log || k->heard;
	a->run.edges = a->run.edges && k->writer;
	a->run.keep_writable = k->writable;
	rc = tap_run_open(&a->run, &run, why);
	if (rc < 0)
		return cli_fail("%s", why[0] ? why : dt_strerror(rc));
	if (why[0])
		cli_say("note: %s", why);
	rc = tap_run(run, &res);
	if (rc < 0 && rc != -EPIPE)
		cli_fail("the tap broke off: %s", res.why);
	else if (res.end == TAP_END_CUT || res.end == TAP_END_BROKEN)
		cli_say("note: %s: %s; the %llu frames before were read", a->run.file, res.why,
			(unsigned long long)res.stats.packets);
	told = rc == -EPIPE ? 0 : report(a, k, run, &res, &json);
	rc = told < 0 ? told : rc;
	tap_run_close(run);
	if (rc >= 0)
		rc = keep_seal(k, json);
	free(json);
	return rc == -EPIPE ? CLI_UNREAD : rc < 0 ? CLI_FAILED : CLI_OK;
}

static int run(struct tap_args *a)
{
	struct keep k;
	int status;

	if (!a->keep.quiet)
		a->run.status = stderr;
	/* Before a store is made for nothing. */
	if (a->run.file && strcmp(a->run.file, "-") != 0 && access(a->run.file, R_OK))
		return cli_fail("%s: %s", a->run.file, strerror(errno));
	if (keep_open(&k, &a->keep) < 0)
		return CLI_FAILED;
	status = tap(a, &k);
	keep_close(&k);
	return status;
}

int cmd_tap(int argc, char **argv)
{
	struct tap_args a = { .keep = keep_opts_default(),
			      .run = { .pin = true, .signals = true, .drop_privileges = true } };
	struct args_file file;
	int status;

	a.run.tap.heard_kinds = 1u << HEARD_GET_PEERS | 1u << HEARD_ANNOUNCE_PEER;
	status = parse(argc, argv, &a, &file);
	if (status != CLI_OK)
		return status;
	status = run(&a);
	args_file_fini(&file);
	return status;
}
