/* SPDX-License-Identifier: MIT */
/**
 * DOC: who comes in, and for how long. libmicrohttpd ends a connection that says
 * nothing for a while; one that says or takes a byte now and then it would keep for
 * days. So each has a time by which its request must be there, and one by which its
 * answer must be taken; a stream has none. And who may ask at all: by token, by the
 * name under which it calls us, and without a body.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "viz/serve_impl.h"

enum {
	TAKE_S = 60,    /* for an answer to be taken, however large: the page is some megabytes */
	IDLE_TIMES = 2, /* of the time for a request: what an idle connection is kept for */
};

struct serve_guest {
	struct serve_guest *next, **back;
	int fd;
	uint64_t due_ms; /* 0 = never */
};

static struct serve_guest *guest_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void serve_came_or_went(void *cls, struct MHD_Connection *c, void **context,
			enum MHD_ConnectionNotificationCode what)
{
	struct serve *s = cls;
	struct serve_guest *g = *context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!g)
			return;
		/* libmicrohttpd closes the socket after this, so ours is never somebody else's */
		pthread_mutex_lock(&s->lock);
		*g->back = g->next;
		if (g->next)
			g->next->back = g->back;
		s->guest_count--;
		pthread_mutex_unlock(&s->lock);
		free(g);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	g = calloc(1, sizeof(*g));
	if (!g || !info) { /* then it has libmicrohttpd's own limit alone */
		free(g);
		return;
	}
	g->fd = info->connect_fd;
	g->due_ms = serve_now_ms() + 1000ull * s->opts.timeout_s;
	pthread_mutex_lock(&s->lock);
	g->next = s->guests;
	g->back = &s->guests;
	if (g->next)
		g->next->back = &g->next;
	s->guests = g;
	s->guest_count++;
	pthread_mutex_unlock(&s->lock);
	*context = g;
}

static void due_in(struct serve *s, struct MHD_Connection *c, uint64_t ms)
{
	struct serve_guest *g = guest_of(c);

	if (!g)
		return;
	pthread_mutex_lock(&s->lock);
	g->due_ms = ms ? serve_now_ms() + ms : 0;
	pthread_mutex_unlock(&s->lock);
}

void serve_answering(struct serve *s, struct MHD_Connection *c, bool stream)
{
	due_in(s, c, stream ? 0 : 1000ull * TAKE_S);
}

void serve_answered(void *cls, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode how)
{
	struct serve *s = cls;

	(void)state;
	(void)how;
	due_in(s, c, 1000ull * IDLE_TIMES * s->opts.timeout_s);
}

void serve_show_out(struct serve *s)
{
	uint64_t now = serve_now_ms();

	pthread_mutex_lock(&s->lock);
	for (struct serve_guest *g = s->guests; g; g = g->next)
		if (g->due_ms && now > g->due_ms) {
			shutdown(g->fd, SHUT_RDWR);
			g->due_ms = 0;
			s->shown_out++;
		}
	pthread_mutex_unlock(&s->lock);
}

/* ---- who may ask ------------------------------------------------------------------------ */

static bool same_token(const struct serve *s, const char *said)
{
	uint8_t a[crypto_generichash_BYTES], b[crypto_generichash_BYTES];

	/* of their hashes, so that not even the length shows in the time it takes */
	crypto_generichash(a, sizeof(a), (const uint8_t *)s->token, strlen(s->token), NULL, 0);
	crypto_generichash(b, sizeof(b), (const uint8_t *)said, strlen(said), NULL, 0);
	return sodium_memcmp(a, b, sizeof(a)) == 0;
}

/* As a bearer's token, or as the password of anybody: what a browser can be asked for. */
static bool has_token(const struct serve *s, struct MHD_Connection *c)
{
	static const char scheme[] = "Bearer ";
	const char *said = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
	char *name, *password = NULL;
	bool good;

	if (!*s->token)
		return true;
	if (said && !strncasecmp(said, scheme, sizeof(scheme) - 1))
		return same_token(s, said + sizeof(scheme) - 1);
	name = MHD_basic_auth_get_username_password(c, &password);
	good = password && same_token(s, password);
	if (name)
		MHD_free(name);
	if (password)
		MHD_free(password);
	return good;
}

/* What has a token cannot be had by a page that only knows how to reach us. */
static bool is_named(const struct serve *s, struct MHD_Connection *c)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");

	return *s->token || !host || serve_host_fits(host, s->opts.hosts);
}

static bool is_origin_of(const char *origin, const char *host)
{
	size_t scheme = !strncasecmp(origin, "http://", 7)    ? 7
			: !strncasecmp(origin, "https://", 8) ? 8
							      : 0;

	return scheme && host && !strcasecmp(origin + scheme, host);
}

/*
 * Does nobody but its own site, or a person or program, ask? Browsers say so in Sec-Fetch-Site
 * where they trust the way to us (loopback, https), and in Origin where a page wants to read; a
 * browser that says neither may be led by any page.
 */
static bool is_own_site(const struct serve *s, struct MHD_Connection *c)
{
	const char *site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
	const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	const char *agent = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "User-Agent");

	for (const char *const *o = s->opts.origins; origin && o && *o; o++)
		if (!strcasecmp(origin, *o))
			return true;
	if (site)
		return !strcasecmp(site, "same-origin") || !strcasecmp(site, "none");
	if (origin)
		return is_origin_of(origin, host);
	return !agent || strncmp(agent, "Mozilla/", 8) != 0;
}

/* What a page cannot add to a request by itself; a password a browser adds for any page. */
static bool is_bearer(const struct serve *s, struct MHD_Connection *c)
{
	const char *said = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");

	return *s->token && said && !strncasecmp(said, "Bearer ", 7);
}

/* A question has no body; who sends one hopes that somebody before us counts otherwise. */
static bool has_body(struct MHD_Connection *c)
{
	const char *len = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");

	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding") ||
	       (len && strcmp(len, "0") != 0);
}

unsigned serve_refusal(const struct serve *s, struct MHD_Connection *c, const char *url,
		       const char *method, const char **why)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		*why = "only GET and HEAD";
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	if (has_body(c)) {
		*why = "a request here has no body";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (!strcmp(url, "/healthz"))
		return 0;
	if (!is_named(s, c)) {
		*why = "this Host is not one of ours; cure: --allow-host NAME, or the number";
		return MHD_HTTP_MISDIRECTED_REQUEST;
	}
	if (!has_token(s, c)) {
		*why = "this service asks for a token: Authorization: Bearer TOKEN";
		return MHD_HTTP_UNAUTHORIZED;
	}
	if (s->opts.peers_act && !strcmp(url, "/peers") && !is_bearer(s, c) && !is_own_site(s, c)) {
		*why = "reading /peers starts a census here, and a page of another site may not; "
		       "cure: --allow-origin ORIGIN, or Authorization: Bearer TOKEN";
		return MHD_HTTP_FORBIDDEN;
	}
	return 0;
}

bool serve_from_here(struct MHD_Connection *c, struct endpoint *from)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;

	*from = (struct endpoint){ .port = 0 };
	if (a && a->sa_family == AF_INET)
		*from = endpoint_ip4(
			ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr), 0);
	else if (a && a->sa_family == AF_INET6)
		memcpy(from->addr, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
	return endpoint_is4(from) ? endpoint_get_ip4(from) >> 24 == 127
				  : !memcmp(from->addr, &in6addr_loopback, 16);
}
