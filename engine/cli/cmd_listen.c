/* SPDX-License-Identifier: MIT */
/** DOC: `listen`: an honest node of the DHT that writes down what it is told. */
#include <argp.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/args.h"
#include "engine/cli/args_file.h"
#include "engine/cli/cli.h"
#include "engine/cli/keep.h"
#include "engine/cli/network_file.h"
#include "engine/listen.h"

enum { REPORT_MAX = 1 << 17, BOOTSTRAP_MAX = 64 };

struct listen_args {
	struct keep_opts keep;
	struct listen_opts run;
	struct endpoint bind[LISTEN_BINDS_MAX];
	struct endpoint boot[BOOTSTRAP_MAX];
	const char *bootstrap, *keep_bad;
	struct network_file network;
};

enum {
	OPT_BIND = 'b',
	OPT_IDS = 0x100,
	OPT_EXTERNAL,
	OPT_BOOTSTRAP,
	OPT_RATE,
	OPT_ALLOWANCE,
	OPT_BLOCKLIST,
	OPT_KEEP_BAD,
	OPT_RATE_S,
	OPT_RUNTIME,
	OPT_NETWORK,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The node:", 1 },
	{ "bind", OPT_BIND, "ADDR:PORT", 0,
	  "Where to listen; repeat it for several addresses [0.0.0.0:6881]", 1 },
	{ "ids", OPT_IDS, "N", 0,
	  "Identities, dealt to the addresses in turn, each at a port of its own from PORT on; at "
	  "most "
	  "256 [1]",
	  1 },
	{ "external", OPT_EXTERNAL, "ADDR", 0,
	  "Our address as others see it; else the bound one, or what they vote", 1 },
	{ "bootstrap", OPT_BOOTSTRAP, "HOST:PORT,...", 0,
	  "Where to begin; empty = nowhere, wait to be asked "
	  "[dht.libtorrent.org:25401,dht.transmissionbt.com:6881,router.bt.ouinet.work:6881]",
	  1 },
	{ "max-runtime-s", OPT_RUNTIME, "S", 0, "End after this long; 0 = never [0]", 1 },
	{ NULL, 0, NULL, 0, "Conduct:", 2 },
	{ "rate", OPT_RATE, "PPS", 0, "Our own queries, all identities together [50]", 2 },
	{ "allowance", OPT_ALLOWANCE, "BYTES", 0,
	  "Bytes a second that answers may have beyond 0.9 x what was asked [8000]", 2 },
	{ "blocklist", OPT_BLOCKLIST, "FILE", 0,
	  "Prefixes that get neither query nor answer; SIGHUP reloads", 2 },
	{ NULL, 0, NULL, 0, "What is said:", 9 },
	{ "rate-s", OPT_RATE_S, "S", 0, "Seconds between the lines of rates [60]", 9 },
	{ "network-file", OPT_NETWORK, "FILE", 0,
	  "A summary every 15 s as bittorrent_network.json of the first dht-telescope has it", 9 },
	{ "keep-bad", OPT_KEEP_BAD, "FILE", 0,
	  "A sample of the datagrams that are no KRPC message: hex and reason, at most 1000", 9 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct listen_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->keep;
		break;
	case OPT_BIND:
		if (a->run.bind_count == LISTEN_BINDS_MAX)
			argp_error(state, "--bind: at most %d addresses", LISTEN_BINDS_MAX);
		a->bind[a->run.bind_count++] = args_address(arg, "bind", state);
		break;
	case OPT_IDS:
		a->run.ids = (unsigned)args_number(arg, 1, EAR_IDS_MAX, "ids", state);
		break;
	case OPT_EXTERNAL:
		a->run.external = args_address(arg, "external", state);
		break;
	case OPT_BOOTSTRAP:
		a->bootstrap = arg;
		break;
	case OPT_RATE:
		a->run.rate_pps = args_number(arg, 0.1, 10000, "rate", state);
		break;
	case OPT_ALLOWANCE:
		a->run.allowance = args_number(arg, 100, 1e8, "allowance", state);
		break;
	case OPT_BLOCKLIST:
		a->run.blocklist_path = arg;
		break;
	case OPT_KEEP_BAD:
		a->keep_bad = arg;
		break;
	case OPT_NETWORK:
		a->network.path = arg;
		break;
	case OPT_RATE_S:
		a->run.rate_s = (unsigned)args_number(arg, 1, 86400, "rate-s", state);
		break;
	case OPT_RUNTIME:
		a->run.max_runtime_ns =
			(uint64_t)(args_number(arg, 0, 1e9, "max-runtime-s", state) * 1e9);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int parse(int argc, char **argv, struct listen_args *a, struct args_file *file)
{
	static const struct argp_child children[] = { { &keep_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Be an honest node of the BitTorrent Mainline DHT: answer, and write down "
		       "every "
		       "message that comes: its kind, source, id, target or info-hash, client.\v"
		       "It answers no more than 0.9 x the bytes it was asked and 8,000 a second "
		       "beyond "
		       "(--allowance), one address 4 times a second; forged floods gain nothing. "
		       "It "
		       "stores no content. SIGINT ends it with its report. Exit status 0 done, 1 "
		       "failed, 2 usage.",
	};

	if (args_file_take(&argp, argc, argv, file) < 0)
		return CLI_USAGE;
	argp_parse(&argp, file->argc, file->argv, 0, NULL, a);
	return CLI_OK;
}

/* All addresses of one HOST:PORT. */
static void resolve(struct listen_args *a, char *host)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list;
	char *colon = strrchr(host, ':');
	struct endpoint ep;
	int rc;

	if (endpoint_from_text(host, &ep) == 0 && ep.port) {
		if (a->run.bootstrap_count < BOOTSTRAP_MAX)
			a->boot[a->run.bootstrap_count++] = ep;
		return;
	}
	if (!colon) {
		cli_say("bootstrap %s: no port; write HOST:PORT", host);
		return;
	}
	*colon = 0;
	rc = getaddrinfo(host, colon + 1, &hints, &list);
	if (rc) {
		cli_say("bootstrap %s: %s", host, gai_strerror(rc));
		return;
	}
	for (struct addrinfo *i = list; i && a->run.bootstrap_count < BOOTSTRAP_MAX;
	     i = i->ai_next) {
		struct endpoint *to = &a->boot[a->run.bootstrap_count];

		if (i->ai_family == AF_INET) {
			struct sockaddr_in sin;

			memcpy(&sin, i->ai_addr, sizeof(sin));
			*to = endpoint_ip4(ntohl(sin.sin_addr.s_addr), ntohs(sin.sin_port));
		} else {
			struct sockaddr_in6 sin6;

			memcpy(&sin6, i->ai_addr, sizeof(sin6));
			memcpy(to->addr, &sin6.sin6_addr, sizeof(to->addr));
			to->port = ntohs(sin6.sin6_port);
		}
		a->run.bootstrap_count++;
	}
	freeaddrinfo(list);
}

static int find_network(struct listen_args *a)
{
	char *list = strdup(a->bootstrap), *save = NULL;

	if (!list)
		return -ENOMEM;
	for (char *h = strtok_r(list, ", ", &save); h; h = strtok_r(NULL, ", ", &save))
		resolve(a, h);
	free(list);
	if (!a->run.bootstrap_count)
		cli_say("note: nowhere to begin; waiting to be asked");
	return 0;
}

static int report(const struct keep *k, const struct listen_result *r)
{
	char *text = malloc(REPORT_MAX), *json = malloc(REPORT_MAX);
	int rc = text && json ? 0 : -ENOMEM;

	if (rc >= 0)
		rc = listen_report_to_json(r, cli_version(), json, REPORT_MAX);
	if (rc >= 0)
		rc = listen_report_to_text(r, text, REPORT_MAX);
	if (rc >= 0)
		rc = keep_report(k, text, json);
	free(text);
	free(json);
	return rc;
}

static void say_where(const struct listen *l, unsigned ids)
{
	char first[ENDPOINT_TEXT_MAX], last[ENDPOINT_TEXT_MAX];
	struct endpoint a = listen_local(l, 0), b = listen_local(l, ids - 1);

	if (ids == 1)
		cli_say("listening on %s", endpoint_to_text(&a, first));
	else
		cli_say("listening with %u ids on %s to %s", ids, endpoint_to_text(&a, first),
			endpoint_to_text(&b, last));
}

/* A table of ours knows nodes that answered; the rest is under way. */
static void tell_network(void *ctx, const struct ear_stats *now)
{
	const struct network_counts n = { .known_nodes = now->table_nodes,
					  .visited = now->answered,
					  .in_flight = now->in_flight,
					  .listen_mode = true };

	network_file_tick(ctx, &n);
}

static int listen_with(struct listen_args *a, struct keep *k)
{
	struct listen_result *r = calloc(1, sizeof(*r));
	char why[LISTEN_WHY_MAX];
	struct listen *l;
	int rc, told;

	if (!r)
		return cli_fail("%s", dt_strerror(-ENOMEM));
	a->run.sink = keep_sink(k);
	a->run.keep_writable = k->writable;
	a->run.told = a->network.path[0] ? tell_network : NULL;
	a->run.told_ctx = &a->network;
	rc = listen_open(&a->run, &l, why);
	if (rc < 0) {
		free(r);
		return cli_fail("%s", why[0] ? why : dt_strerror(rc));
	}
	say_where(l, a->run.ids);
	rc = listen_run(l, r);
	network_file_end(&a->network, r->ear.table_nodes);
	if (rc < 0 && rc != -EPIPE)
		cli_fail("it broke off: %s", r->why);
	told = rc == -EPIPE ? 0 : report(k, r);
	rc = told < 0 ? told : rc;
	listen_close(l);
	free(r);
	if (rc >= 0)
		rc = keep_seal(k, "{}");
	return rc == -EPIPE ? CLI_UNREAD : rc < 0 ? CLI_FAILED : CLI_OK;
}

static int run(struct listen_args *a)
{
	struct keep k;
	int status;

	if (!a->run.bind_count)
		a->bind[a->run.bind_count++] = endpoint_ip4(INADDR_ANY, 6881);
	a->run.bind = a->bind;
	a->run.bootstrap = a->boot;
	a->run.talk = a->keep.quiet ? NULL : stderr;
	if (keep_open(&k, &a->keep) < 0)
		return CLI_FAILED;
	if (a->keep_bad[0] && bad_open(a->keep_bad, &a->run.bad) < 0) {
		keep_close(&k);
		return cli_fail("%s: cannot be written", a->keep_bad);
	}
	status = find_network(a) < 0 ? CLI_FAILED : listen_with(a, &k);
	keep_close(&k);
	if (bad_close(a->run.bad) < 0)
		cli_say("%s: not everything could be written", a->keep_bad);
	return status;
}

int cmd_listen(int argc, char **argv)
{
	struct listen_args a = {
		.keep = keep_opts_default(),
		.run = { .ids = 1, .signals = true, .drop_privileges = true },
		.bootstrap = "dht.libtorrent.org:25401,dht.transmissionbt.com:6881,"
			     "router.bt.ouinet.work:6881",
		.keep_bad = "",
		.network.path = "",
	};
	struct args_file file;
	int status = parse(argc, argv, &a, &file);

	if (status != CLI_OK)
		return status;
	status = run(&a);
	args_file_fini(&file);
	return status;
}
