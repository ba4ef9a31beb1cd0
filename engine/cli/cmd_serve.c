/* SPDX-License-Identifier: MIT */
/**
 * DOC: `serve`: the HTTP service, over a store that somebody else fills, or beside a
 * census of its own. The service starts after the simulated network has forked and
 * before the first packet leaves.
 */
#include <argp.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/conf.h"
#include "engine/cli/log.h"
#include "engine/cli/notify.h"
#include "engine/cli/serve_guard.h"
#include "engine/cli/wire.h"
#include "viz/serve.h"

enum {
	IDLE_MAX_S = 5, /* a client that reconnects finds the same census */
	SAW_BATCH = 256,
	WAIT_MS = 100,
	HOSTS_MAX = 16,   /* and origins */
	LOG_EVERY_S = 10, /* a line of status, as on a standard error that is no terminal */
};

struct serve_args {
	struct conf conf;
	const char *config, *http_bind, *token_file;
	bool crawl, on_demand;
	const char *hosts[HOSTS_MAX + 1], *origins[HOSTS_MAX + 1];
	unsigned host_count, origin_count;
	struct serve_guard guard;
	struct serve_opts opts;
};

struct service {
	const struct serve_args *a;
	struct serve *http;
	struct feed *feed;
	struct serve_counters done, now; /* of censuses that ended; with the one under way */
	unsigned idle_s, told_s;
	struct store *store;         /* of the census, while it is open */
	uint64_t commits, commit_ns; /* of stores that were closed */
};

enum {
	OPT_CRAWL = 0x100,
	OPT_ON_DEMAND,
	OPT_PORT,
	OPT_BIND,
	OPT_TOKEN,
	OPT_HOST,
	OPT_ORIGIN,
	OPT_STREAMS,
	OPT_CONNECTIONS,
	OPT_REQUEST,
	OPT_LOG,
	OPT_REFRESH,
	OPT_HALF,
	OPT_CUTOFF,
	OPT_CONFIG,
};

static const struct argp_option options[] = {
	{ "port", OPT_PORT, "PORT", 0, "HTTP port [3000]", 0 },
	{ "http-bind", OPT_BIND, "ADDR", 0,
	  "HTTP address [127.0.0.1]; any other asks for --token-file", 0 },
	{ "token-file", OPT_TOKEN, "FILE", 0,
	  "Its first line must come with every request: Authorization: Bearer TOKEN", 0 },
	{ "allow-host", OPT_HOST, "NAME", 0,
	  "A name by which it may be called, beside localhost and numbers, where no token is asked "
	  "for; may be given again",
	  0 },
	{ "allow-origin", OPT_ORIGIN, "ORIGIN", 0,
	  "https://NAME[:PORT] of a site whose pages may start a census --on-demand; may be given "
	  "again",
	  0 },
	{ "crawl", OPT_CRAWL, NULL, 0, "Take the censuses here (--sim N does so too)", 0 },
	{ "on-demand", OPT_ON_DEMAND, NULL, 0,
	  "Crawl only while a client reads /peers, under a new identity each time", 0 },
	{ "max-streams", OPT_STREAMS, "N", 0, "Clients of /peers and /events at once [256]", 0 },
	{ "max-connections", OPT_CONNECTIONS, "N", 0,
	  "Connections at once, half of them from one address [1024]", 0 },
	{ "request-sec", OPT_REQUEST, "S", 0,
	  "For a request to arrive whole, and for an answer that nobody takes [10]", 0 },
	{ "log-format", OPT_LOG, "FORMAT", 0,
	  "Of standard error: text, json (an object a line), or journal; as DHT_TELESCOPE_LOG "
	  "[text, "
	  "or journal where that listens]",
	  0 },
	{ "refresh-sec", OPT_REFRESH, "S", 0, "Look at the store this often [10]", 0 },
	{ "half-life-min", OPT_HALF, "MIN", 0, "On the page a node fades by half in this time [15]",
	  0 },
	{ "cutoff-hours", OPT_CUTOFF, "H", 0, "And is left out after this [24]", 0 },
	{ "config", OPT_CONFIG, "FILE.yaml", 0, "Read keys of a census from a file", 0 },
	{ 0 },
};

static double number(const char *arg, double min, double max, const char *flag,
		     struct argp_state *state)
{
	char *end;
	double v = strtod(arg, &end);

	if (!*arg || *end || !(v >= min && v <= max))
		argp_error(state, "--%s: '%s' is not a number from %g to %g", flag, arg, min, max);
	return v;
}

static error_t parse_limit(int key, char *arg, struct serve_opts *o, struct argp_state *state)
{
	switch (key) {
	case OPT_PORT:
		o->bind.port = (uint16_t)number(arg, 0, 65535, "port", state);
		return 0;
	case OPT_STREAMS:
		o->streams_max = (unsigned)number(arg, 1, 10000, "max-streams", state);
		return 0;
	case OPT_CONNECTIONS:
		o->connections_max = (unsigned)number(arg, 32, 1000000, "max-connections", state);
		o->per_address_max = o->connections_max / 2;
		return 0;
	case OPT_REQUEST:
		o->timeout_s = (unsigned)number(arg, 1, 3600, "request-sec", state);
		return 0;
	case OPT_REFRESH:
		o->refresh_s = (unsigned)number(arg, 1, 86400, "refresh-sec", state);
		return 0;
	case OPT_HALF:
		o->half_life_s = 60 * number(arg, 0.5, 1e6, "half-life-min", state);
		return 0;
	case OPT_CUTOFF:
		o->cutoff_s = 3600 * number(arg, 0.01, 1e5, "cutoff-hours", state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_host(struct serve_args *a, const char *arg, struct argp_state *state)
{
	if (a->host_count == HOSTS_MAX)
		argp_error(state, "--allow-host: at most %d names", HOSTS_MAX);
	a->hosts[a->host_count++] = arg;
}

/* As a browser says it: a scheme and a name, without a path. */
static void parse_origin(struct serve_args *a, const char *arg, struct argp_state *state)
{
	const char *name = strstr(arg, "://");

	if (!name || strncmp(arg, "http", 4) != 0 || !name[3] || strchr(name + 3, '/'))
		argp_error(state, "--allow-origin: '%s' is not https://NAME or https://NAME:PORT",
			   arg);
	if (a->origin_count == HOSTS_MAX)
		argp_error(state, "--allow-origin: at most %d of them", HOSTS_MAX);
	a->origins[a->origin_count++] = arg;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct serve_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->conf;
		return 0;
	case OPT_BIND:
		a->http_bind = arg;
		return 0;
	case OPT_ORIGIN:
		parse_origin(a, arg, state);
		return 0;
	case OPT_HOST:
		parse_host(a, arg, state);
		return 0;
	case OPT_LOG:
		if (log_format_set(arg) < 0)
			argp_error(state, "--log-format: '%s' is not text, json or journal", arg);
		return 0;
	case OPT_TOKEN:
		a->token_file = arg;
		return 0;
	case OPT_CRAWL:
		a->crawl = true;
		return 0;
	case OPT_ON_DEMAND:
		a->on_demand = a->crawl = true;
		return 0;
	case OPT_CONFIG:
		a->config = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", arg);
		return 0;
	default:
		return parse_limit(key, arg, &a->opts, state);
	}
}

/* ---- from the census ------------------------------------------------------------------ */

/* At the end of a census those are said again whose class was found to be no common one. */
static bool is_news(const struct sighting *s)
{
	if (s->way == SIGHTING_MENTIONED || !s->key.bits)
		return false;
	return !(s->flags & SIGHTING_FINAL) || (s->answers && s->node_class);
}

/* What can be told of one message; a census knows more at its end. */
static uint8_t class_of(const struct sighting *s)
{
	if (s->node_class || s->flags & SIGHTING_FINAL)
		return s->node_class;
	return s->flags & SIGHTING_READ_ONLY ? SIGHTING_CLASS_READ_ONLY : SIGHTING_CLASS_NORMAL;
}

static void describe(const struct sighting *s, const struct geo *geo, struct feed_seen *out)
{
	struct geo_place place = { 0 };

	if (geo)
		geo_lookup(geo, &s->from, &place);
	*out = (struct feed_seen){ .way = s->way, .seen_s = s->when_ms / 1000 };
	out->node = (struct store_node){ .key = s->key,
					 .ep = s->from,
					 .last_seen_s = s->when_ms / 1000,
					 .flags = s->flags,
					 .node_class = class_of(s),
					 .ways = (uint8_t)(1u << s->way),
					 .version_len = s->version_len,
					 .asn = place.asn };
	memcpy(out->node.version, s->version, sizeof(out->node.version));
	memcpy(out->node.country, place.country, sizeof(out->node.country));
}

static void saw(void *ctx, const struct sighting *list, unsigned count, const struct geo *geo)
{
	struct service *s = ctx;
	struct feed_seen batch[SAW_BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!is_news(&list[i]))
			continue;
		describe(&list[i], geo, &batch[n++]);
		if (n == SAW_BATCH) {
			feed_put(s->feed, batch, n);
			n = 0;
		}
	}
	feed_put(s->feed, batch, n);
}

static void count_commits(struct service *s)
{
	uint64_t ns = 0, n = s->store ? store_commits(s->store, &ns) : 0;

	s->now.commits = s->commits + n;
	s->now.commit_ns = s->commit_ns + ns;
}

/* What was counted before the census under way is added: a counter never falls. */
static void add_up(struct service *s, const struct engine_counters *c)
{
	struct serve_counters *n = &s->now, *d = &s->done;
	const struct crawl_stats *w = &c->crawl;

	*n = *d;
	n->running = true;
	n->sent += w->sent;
	n->received += c->net.recv_packets;
	n->bytes_sent += c->net.sent_bytes;
	n->bytes_received += c->net.recv_bytes;
	n->answered += w->answered;
	n->errors += w->errors;
	n->expired += w->expired;
	n->malformed += w->malformed;
	n->foreign += w->foreign;
	n->late += w->late;
	n->duplicate += w->duplicate;
	n->kernel_drops += c->kernel.socket_drops;
	n->sightings += c->sightings;
	n->slots_full += w->ring_full;
	n->sink_full += c->worker.ring_full;
	n->post_full += c->worker.post_dropped;
	count_commits(s);
	n->unexplained = c->unexplained;
	n->endpoints_known = w->endpoints_known;
	n->endpoints_live = w->endpoints_live;
	n->frontier = w->frontier;
	n->in_flight = w->in_flight;
	for (unsigned i = 0; i < 64; i++)
		n->rtt_hist[i] += w->rtt_hist[i];
}

static void fill_status(struct json *j, const void *ctx)
{
	const struct service *s = ctx;
	const struct serve_counters *n = &s->now;

	json_kv_u64(j, "sent", n->sent);
	json_kv_u64(j, "received", n->received);
	json_kv_u64(j, "answered", n->answered);
	json_kv_u64(j, "expired", n->expired);
	json_kv_u64(j, "in_flight", n->in_flight);
	json_kv_u64(j, "endpoints_known", n->endpoints_known);
	json_kv_u64(j, "endpoints_live", n->endpoints_live);
	json_kv_u64(j, "kernel_drops", n->kernel_drops);
	json_kv_u64(j, "unexplained", n->unexplained);
	json_kv_u64(j, "streams", serve_streams(s->http));
}

static bool status_told(void *ctx, const struct engine_status *status)
{
	struct service *s = ctx;

	if (notify_watchdog_ms())
		notify_say("WATCHDOG=1");
	add_up(s, &status->counters);
	serve_count(s->http, &s->now);
	if (log_format() == LOG_JSON && s->told_s++ % LOG_EVERY_S == 0)
		log_event("status", fill_status, s);
	if (!s->a->on_demand)
		return true;
	s->idle_s = serve_streams(s->http) ? 0 : s->idle_s + 1;
	return s->idle_s <= IDLE_MAX_S;
}

/* The report is written for people too; a line of the log has no line in it. */
static void fill_census(struct json *j, const void *ctx)
{
	const struct wire_result *r = ctx;
	char *flat = strdup(r->report_json), *to = flat;

	for (const char *at = flat; at && *at; at++) {
		if (*at == '\n')
			at += strspn(at, "\n ") - 1;
		else
			*to++ = *at;
	}
	json_key(j, "report");
	if (flat)
		json_raw(j, span_of(flat, (size_t)(to - flat)));
	else
		json_null(j);
	free(flat);
}

static void census_done(void *ctx, const struct wire_result *r)
{
	struct service *s = ctx;

	add_up(s, &r->engine.counters);
	s->now.running = false;
	s->now.in_flight = 0;
	s->now.censuses++;
	memcpy(s->now.backend, r->engine.backend, sizeof(s->now.backend));
	s->done = s->now;
	serve_count(s->http, &s->now);
	if (log_format() == LOG_JSON)
		log_event("census", fill_census, r);
	else if (r->report_text)
		cli_say("%s", r->report_text);
}

/* ---- the service ------------------------------------------------------------------------ */

/* SIGINT and SIGTERM are this thread's: those of the service are born with them blocked. */
static void block_signals(int how, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	pthread_sigmask(how, set, NULL);
}

static int start(struct service *s)
{
	char why[SERVE_WHY_MAX], text[ENDPOINT_TEXT_MAX];
	struct endpoint at = s->a->opts.bind;
	sigset_t stops;
	int rc;

	block_signals(SIG_BLOCK, &stops);
	rc = serve_start(&s->a->opts, s->feed, &s->http, why);
	block_signals(SIG_UNBLOCK, &stops);
	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		return rc;
	}
	at.port = serve_port(s->http);
	/* Where nothing is asked from here, the rest of the process needs no more than they. */
	rc = s->a->crawl ? 0 : serve_guard_confine(s->a->opts.confine_ctx);
	if (rc < 0) {
		cli_fail("privileges cannot be given up: %s", dt_strerror(rc));
		return rc;
	}
	notify_say("READY=1");
	cli_say("serving http://%s/   /peers streams, /v1/ and /metrics tell, Ctrl-C ends",
		endpoint_to_text(&at, text));
	return 0;
}

/* Told by the census: its store, which is shown while it is open. */
static int store_open_now(void *ctx, struct store *store)
{
	struct service *s = ctx;
	int rc = s->http ? 0 : start(s);

	if (rc == 0)
		serve_use_store(s->http, store);
	s->store = store;
	return rc;
}

static void store_closing(void *ctx)
{
	struct service *s = ctx;

	count_commits(s);
	s->commits = s->now.commits;
	s->commit_ns = s->now.commit_ns;
	s->store = NULL;
	if (!s->http)
		return;
	serve_count(s->http, &s->now);
	serve_use_store(s->http, NULL);
}

/* Until a signal, or @ms have passed; false = a signal. */
static bool wait_ms(unsigned ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000l };
	sigset_t stops;
	int signal;

	block_signals(SIG_BLOCK, &stops);
	signal = sigtimedwait(&stops, NULL, &t);
	block_signals(SIG_UNBLOCK, &stops);
	if (notify_watchdog_ms())
		notify_say("WATCHDOG=1");
	return signal < 0;
}

/* Shows a store that others fill, from the moment there is one. */
static int show_store(struct service *s)
{
	struct store *store = NULL;
	char why[256] = "", said[256] = "";

	do {
		if (store)
			continue;
		if (store_open(s->a->conf.store, STORE_READ, &store, why) == 0) {
			serve_use_store(s->http, store);
		} else {
			store = NULL;
			if (strcmp(why, said) != 0)
				cli_say("waiting for a store: %s", why);
			memcpy(said, why, sizeof(said));
		}
	} while (wait_ms(1000));
	serve_use_store(s->http, NULL);
	store_close(store);
	return 0;
}

static int campaign(struct service *s, const char *command)
{
	const struct wire_talk talk = { .command = command,
					.status = s->a->on_demand || log_format() == LOG_JSON
							  ? NULL
							  : stderr,
					.store_open = store_open_now,
					.store_closing = store_closing,
					.saw = saw,
					.status_told = status_told,
					.ctx = s };

	s->idle_s = 0;
	return wire_campaign(&s->a->conf, &talk, census_done, s);
}

/* As libp2p-dht-scrape-aas: from the first client to the last, again and again. */
static int on_demand(struct service *s, const char *command)
{
	int rc = start(s);

	while (rc >= 0 && wait_ms(WAIT_MS)) {
		if (!serve_streams(s->http))
			continue;
		rc = campaign(s, command);
		if (rc == 1 && s->idle_s <= IDLE_MAX_S)
			break; /* by a signal, not for want of clients */
	}
	return rc;
}

static int run(struct service *s, const char *command)
{
	int rc;

	if (s->a->on_demand)
		return on_demand(s, command);
	if (s->a->crawl) {
		rc = campaign(s, command);
		if (rc != 0 || !s->http)
			return rc;
		cli_say("the censuses are done; their store is shown on");
	} else {
		rc = start(s);
		if (rc < 0)
			return rc;
	}
	return show_store(s);
}

/* ---- arguments -------------------------------------------------------------------------- */

static int read_token(const char *path, char token[static SERVE_TOKEN_MAX])
{
	FILE *f = fopen(path, "re");

	if (!f)
		return cli_fail("%s: %s", path, strerror(errno));
	if (!fgets(token, SERVE_TOKEN_MAX, f))
		*token = 0;
	fclose(f);
	token[strcspn(token, "\r\n")] = 0;
	return *token ? 0 : cli_fail("%s: no token in its first line", path);
}

static bool is_loopback(const struct endpoint *ep)
{
	static const uint8_t one[16] = { [15] = 1 };

	return endpoint_is4(ep) ? endpoint_get_ip4(ep) >> 24 == 127 : !memcmp(ep->addr, one, 16);
}

static int check(struct serve_args *a, char token[static SERVE_TOKEN_MAX])
{
	char text[ENDPOINT_TEXT_MAX + 8], why[CONF_WHY_MAX];
	uint16_t port = a->opts.bind.port;

	if ((a->config && conf_load(&a->conf, a->config, why) < 0) ||
	    conf_check(&a->conf, why) < 0) {
		cli_fail("%s", why);
		return CLI_USAGE;
	}
	if (!a->conf.store[0]) {
		cli_fail("store: the service shows one; give --store DIR");
		return CLI_USAGE;
	}
	if (a->http_bind) {
		snprintf(text, sizeof(text), strchr(a->http_bind, ':') ? "[%s]:%u" : "%s:%u",
			 a->http_bind, port);
		if (endpoint_from_text(text, &a->opts.bind) < 0) {
			cli_fail("http-bind: '%s' is not an address", a->http_bind);
			return CLI_USAGE;
		}
	}
	if (a->token_file && read_token(a->token_file, token) != 0)
		return CLI_FAILED;
	if (!*token && !is_loopback(&a->opts.bind)) {
		cli_fail("http-bind: %s can be reached by others, and addresses are personal data; "
			 "cure: --token-file FILE",
			 a->http_bind);
		return CLI_USAGE;
	}
	a->opts.token = *token ? token : NULL;
	a->opts.hosts = a->hosts;
	a->opts.origins = a->origins;
	a->opts.peers_act = a->on_demand;
	a->opts.confine = serve_guard_confine;
	a->guard.store = a->conf.store;
	a->opts.confine_ctx = &a->guard;
	a->opts.connections_max = serve_guard_files(a->opts.connections_max);
	a->crawl = a->crawl || a->conf.sim;
	return CLI_OK;
}

int cmd_serve(int argc, char **argv)
{
	struct argp_child children[] = { { conf_argp(), 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "The HTTP service: nodes as they are seen, pages of the store, the live "
		       "map, "
		       "metrics.\v"
		       "GET /peers streams a JSON object a line: ?since=SEQ goes on behind a line, "
		       "?asn= country= client= prefix= way= let through a part; gzip and zstd by "
		       "Accept-Encoding. A client that is too slow reads how many lines it lost.\n"
		       "GET /v1/nodes?limit=&after= pages; /v1/epochs, /v1/asn, /v1/countries, "
		       "/v1/clients, /v1/stats; /metrics for Prometheus; / is the live map.\n"
		       "Without --crawl or --sim it shows a store that a census fills beside it.",
	};
	struct serve_args a = { .conf = conf_default(), .opts = serve_opts_default() };
	struct service s = { .a = &a };
	char token[SERVE_TOKEN_MAX] = "", *command = cli_join(argc, argv);
	int status, rc;

	a.opts.version = cli_version();
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	status = check(&a, token);
	if (status == CLI_OK) {
		rc = feed_new(FEED_ITEMS_DEFAULT, (uint64_t)time(NULL), &s.feed);
		if (rc >= 0)
			rc = run(&s, command);
		else
			cli_fail("the stream: %s", dt_strerror(rc));
		status = rc < 0 ? CLI_FAILED : CLI_OK;
	}
	notify_say("STOPPING=1");
	serve_stop(s.http);
	feed_free(s.feed);
	conf_free(&a.conf);
	free(command);
	return status;
}
