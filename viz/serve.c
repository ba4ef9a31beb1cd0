/* SPDX-License-Identifier: MIT */
#include "viz/serve_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/json.h"

enum {
	TICK_MS = 4,                       /* a line waits no longer for its client */
	HANGUP_TICKS = 250,                /* how often dead clients are looked for */
	MEMORY_PER_CONNECTION = 32 * 1024, /* heads, and what a stream hands over at once */
	HEADROOM = 16, /* connections beside the streams that are always let in */
	BACKLOG = 512, /* connections that the kernel holds for us between two turns */
};

struct serve_opts serve_opts_default(void)
{
	return (struct serve_opts){ .bind = endpoint_ip4(INADDR_LOOPBACK, SERVE_PORT),
				    .streams_max = 256,
				    .connections_max = 1024,
				    .per_address_max = 512,
				    .timeout_s = 10,
				    .refresh_s = 10,
				    .half_life_s = 15 * 60,
				    .cutoff_s = 24 * 3600,
				    .version = "" };
}

/* ---- texts ----------------------------------------------------------------------- */

struct serve_text *serve_text_new(const char *bytes, size_t len)
{
	struct serve_text *t = malloc(sizeof(*t) + len + 1);

	if (!t)
		return NULL;
	atomic_init(&t->refs, 1);
	t->len = len;
	memcpy(t->bytes, bytes, len);
	t->bytes[len] = 0;
	return t;
}

void serve_text_unref(void *text)
{
	struct serve_text *t = text;

	/* acq_rel: the last one frees what all others have read */
	if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
		free(t);
}

/* ---- answers ---------------------------------------------------------------------- */

void serve_headers(struct MHD_Response *r)
{
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Cache-Control", "no-store");
	/* no script tag of another site's page may read us; /peers is for whoever fetches it */
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
}

/* ---- the query ---------------------------------------------------------------------- */

struct query {
	struct serve_ask *ask;
	unsigned known;
	int rc;
	char *why;
};

static enum MHD_Result take_key(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
				const char *value, size_t len)
{
	struct query *q = cls;

	(void)kind;
	if (strlen(key) != key_len) {
		snprintf(q->why, ASK_WHY_MAX, "%.40s: not a key", key);
		q->rc = DT_EMALF;
	} else {
		q->rc = serve_ask_put(q->ask, q->known, key, value, len, q->why);
	}
	return q->rc < 0 ? MHD_NO : MHD_YES;
}

int serve_query(struct MHD_Connection *c, unsigned known, struct serve_ask *a,
		char why[static ASK_WHY_MAX])
{
	struct query q = { .ask = a, .known = known, .why = why };

	MHD_get_connection_values_n(c, MHD_GET_ARGUMENT_KIND, take_key, &q);
	return q.rc;
}

enum MHD_Result serve_reply(struct MHD_Connection *c, unsigned status, const char *type,
			    const char *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)text,
								 MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	serve_headers(r);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED) {
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
		/* a browser asks for a name and a password; the password is the token */
		MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"dht-telescope\"");
	}
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(r, "Retry-After", "5");
	rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

enum MHD_Result serve_error(struct MHD_Connection *c, unsigned status, const char *what)
{
	char text[512];
	struct json j;
	int len;

	json_init(&j, text, sizeof(text), false);
	json_object_begin(&j);
	json_kv_cstring(&j, "error", what);
	json_object_end(&j);
	len = json_finish(&j);
	return serve_reply(c, status, "application/json", text, len < 0 ? 0 : (size_t)len);
}

static enum MHD_Result health(struct serve *s, struct MHD_Connection *c)
{
	static const char ok[] = "{\"status\":\"ok\"}\n";

	(void)s;
	return serve_reply(c, MHD_HTTP_OK, "application/json", ok, sizeof(ok) - 1);
}

static enum MHD_Result page(struct serve *s, struct MHD_Connection *c)
{
	return serve_shown(s, c, SERVE_PAGE, "text/html; charset=utf-8");
}

static enum MHD_Result sidecar(struct serve *s, struct MHD_Connection *c)
{
	return serve_shown(s, c, SERVE_SIDECAR, "text/javascript; charset=utf-8");
}

static enum MHD_Result stats(struct serve *s, struct MHD_Connection *c)
{
	return serve_shown(s, c, SERVE_STATS, "application/json");
}

static enum MHD_Result networks(struct serve *s, struct MHD_Connection *c)
{
	return serve_listed(s, c, SERVE_ASN, "asn");
}

static enum MHD_Result countries(struct serve *s, struct MHD_Connection *c)
{
	return serve_listed(s, c, SERVE_COUNTRIES, "countries");
}

static enum MHD_Result clients(struct serve *s, struct MHD_Connection *c)
{
	return serve_listed(s, c, SERVE_CLIENTS, "clients");
}

static const struct route {
	const char *path;
	enum MHD_Result (*answer)(struct serve *s, struct MHD_Connection *c);
} routes[] = {
	{ "/", page },
	{ "/peers", serve_peers },
	{ "/events", serve_events },
	{ "/live.data.js", sidecar },
	{ "/metrics", serve_metrics },
	{ "/healthz", health },
	{ "/v1/nodes", serve_nodes },
	{ "/v1/epochs", serve_epochs },
	{ "/v1/asn", networks },
	{ "/v1/countries", countries },
	{ "/v1/clients", clients },
	{ "/v1/stats", stats },
	{ "/v1/infohashes", serve_infohashes },
	/* as the dashboard of the first dht-telescope had them */
	{ "/analytics", page },
	{ "/api/stats", serve_api_stats },
	{ "/api/announces", serve_api_announces },
	{ "/api/getpeers", serve_api_getpeers },
	{ "/api/resolved", serve_api_resolved },
	{ "/api/peer-tree", serve_api_tree },
	{ "/api/series", serve_api_series },
	{ "/api/analytics", serve_api_analytics },
};

/* ---- a request ---------------------------------------------------------------------- */

static void note(struct serve *s, bool refused)
{
	pthread_mutex_lock(&s->lock);
	s->requests++;
	s->refused += refused;
	pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	static char asked;
	struct serve *s = cls;
	const char *why;
	unsigned status;

	(void)version;
	(void)upload;
	if (!*state) { /* the headers are there; the answer waits for the end of the request */
		*state = &asked;
		status = serve_refusal(s, c, url, method, &why);
		if (!status)
			return MHD_YES;
		note(s, true);
		serve_answering(s, c, false);
		return serve_error(c, status, why);
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	serve_answering(s, c, false);
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strcmp(url, routes[i].path)) {
			note(s, false);
			return routes[i].answer(s, c);
		}
	note(s, true);
	return serve_error(c, MHD_HTTP_NOT_FOUND,
			   "no such thing; there are / /peers /events /metrics /healthz /v1/nodes "
			   "/v1/epochs /v1/asn /v1/countries /v1/clients /v1/stats /v1/infohashes "
			   "/api/stats /api/announces /api/getpeers /api/peer-tree /api/series");
}

/* ---- threads ----------------------------------------------------------------------- */

uint64_t serve_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap_ms(unsigned ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

static void *tick(void *arg)
{
	struct serve *s = arg;

	for (unsigned n = 0; !atomic_load(&s->stopping); n++) {
		serve_tick(s, n % HANGUP_TICKS == 0);
		if (n % HANGUP_TICKS == 0)
			serve_show_out(s);
		nap_ms(TICK_MS);
	}
	return NULL;
}

static void *look(void *arg)
{
	struct serve *s = arg;
	struct serve_look state = { 0 };

	while (!atomic_load(&s->stopping)) {
		serve_look(s, &state);
		for (unsigned ms = 0; ms < 1000 * s->opts.refresh_s && !atomic_load(&s->stopping);
		     ms += 50)
			nap_ms(50);
	}
	serve_look_fini(&state);
	return NULL;
}

/* ---- life -------------------------------------------------------------------------- */

static void quiet(void *cls, const char *fmt, va_list args)
{
	(void)cls;
	(void)fmt;
	(void)args; /* a client that went away in mid-answer is no news */
}

/* Bound before anything is given up: a port below 1024 asks for a capability. */
static int listen_on(struct serve *s, char *why)
{
	const struct endpoint *at = &s->opts.bind;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	bool is4 = endpoint_is4(at);
	void *to = is4 ? (void *)&four : (void *)&six;
	socklen_t len = is4 ? sizeof(four) : sizeof(six);
	char text[ENDPOINT_TEXT_MAX];
	int err, on = 1;

	four.sin_addr.s_addr = htonl(is4 ? endpoint_get_ip4(at) : 0);
	memcpy(&six.sin6_addr, at->addr, 16);
	s->listen_fd =
		socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd >= 0)
		setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s->listen_fd >= 0 && !bind(s->listen_fd, to, len) && !listen(s->listen_fd, BACKLOG) &&
	    !getsockname(s->listen_fd, to, &len)) {
		s->port = ntohs(is4 ? four.sin_port : six.sin6_port);
		return 0;
	}
	err = -errno;
	snprintf(why, SERVE_WHY_MAX, "%s: %s; cure: another --port or --http-bind",
		 endpoint_to_text(at, text), strerror(-err));
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	return err;
}

static int start_daemon(struct serve *s)
{
	const struct serve_opts *o = &s->opts;

	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, answer, s, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
		MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		o->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address_max,
		MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_PER_CONNECTION, MHD_OPTION_NOTIFY_CONNECTION, serve_came_or_went, s,
		MHD_OPTION_NOTIFY_COMPLETED, serve_answered, s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
	return s->daemon ? 0 : -ENOMEM;
}

static int start_threads(struct serve *s)
{
	int rc = pthread_create(&s->ticker, NULL, tick, s);

	if (rc)
		return -rc;
	rc = pthread_create(&s->looker, NULL, look, s);
	if (rc) {
		atomic_store(&s->stopping, true);
		pthread_join(s->ticker, NULL);
	}
	return -rc;
}

struct birth {
	struct serve *s;
	char *why;
	int rc;
};

/* Rights are a thread's, and its children's: so all of ours are born of one that has few. */
static void *give_birth(void *arg)
{
	struct birth *b = arg;
	struct serve *s = b->s;

	b->rc = s->opts.confine ? s->opts.confine(s->opts.confine_ctx) : 0;
	if (b->rc < 0) {
		snprintf(b->why, SERVE_WHY_MAX, "privileges cannot be given up: %s",
			 dt_strerror(b->rc));
		return NULL;
	}
	b->rc = start_daemon(s);
	if (b->rc == 0)
		b->rc = start_threads(s);
	if (b->rc < 0 && s->daemon)
		MHD_stop_daemon(s->daemon);
	else if (b->rc < 0)
		close(s->listen_fd);
	return NULL;
}

static int begin(struct serve *s, char *why)
{
	struct birth b = { .s = s, .why = why };
	pthread_t mother;
	int rc = listen_on(s, why);

	if (rc < 0)
		return rc;
	rc = -pthread_create(&mother, NULL, give_birth, &b);
	if (rc < 0) {
		close(s->listen_fd);
		return rc;
	}
	pthread_join(mother, NULL);
	return b.rc;
}

static void undo(struct serve *s)
{
	pthread_rwlock_destroy(&s->store_lock);
	pthread_mutex_destroy(&s->lock);
	for (unsigned i = 0; i < SERVE_SHOWN; i++)
		serve_text_unref(s->shown[i]);
	for (unsigned i = 0; i < SERVE_LISTED; i++)
		serve_rows_unref(s->listed[i]);
	board_view_unref(s->heard);
	free(s);
}

int serve_start(const struct serve_opts *opts, struct feed *feed, struct serve **out,
		char why[static SERVE_WHY_MAX])
{
	struct serve *s = calloc(1, sizeof(*s));
	int rc;

	*why = 0;
	if (!s)
		return -ENOMEM;
	s->opts = *opts;
	s->feed = feed;
	s->started_ms = serve_now_ms();
	if (opts->streams_max + HEADROOM > opts->connections_max)
		s->opts.streams_max =
			opts->connections_max > HEADROOM ? opts->connections_max - HEADROOM : 1;
	snprintf(s->token, sizeof(s->token), "%s", opts->token ? opts->token : "");
	pthread_rwlock_init(&s->store_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	rc = begin(s, why);
	if (rc < 0) {
		undo(s);
		return rc;
	}
	*out = s;
	return 0;
}

void serve_stop(struct serve *s)
{
	if (!s)
		return;
	atomic_store(&s->stopping, true);
	pthread_join(s->ticker, NULL);
	pthread_join(s->looker, NULL);
	serve_end_streams(s); /* none may be suspended when the daemon stops */
	MHD_stop_daemon(s->daemon);
	undo(s);
}

uint16_t serve_port(const struct serve *s)
{
	return s->port;
}

void serve_use_store(struct serve *s, struct store *store)
{
	pthread_rwlock_wrlock(&s->store_lock);
	s->store = store;
	s->store_number++;
	pthread_rwlock_unlock(&s->store_lock);
}

void serve_count(struct serve *s, const struct serve_counters *c)
{
	pthread_mutex_lock(&s->lock);
	s->counters = *c;
	pthread_mutex_unlock(&s->lock);
}

unsigned serve_streams(struct serve *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->peers_count;
	pthread_mutex_unlock(&s->lock);
	return n;
}
