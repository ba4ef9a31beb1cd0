/* SPDX-License-Identifier: MIT */
/** DOC: /metrics in Prometheus' text format 0.0.4; one prefix, base units, no address in a label.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/serve_impl.h"

enum { METRICS_MAX = 32 * 1024, RTT_BUCKETS = 64 };

struct text {
	char *at, *end;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, args);
	va_end(args);
	if (n > 0 && n < t->end - t->at)
		t->at += n;
}

static void head(struct text *t, const char *name, const char *type, const char *help)
{
	say(t, "# HELP dht_telescope_%s %s\n# TYPE dht_telescope_%s %s\n", name, help, name, type);
}

static void one(struct text *t, const char *name, const char *type, const char *help, uint64_t v)
{
	head(t, name, type, help);
	say(t, "dht_telescope_%s %" PRIu64 "\n", name, v);
}

static void labelled(struct text *t, const char *name, const char *label, const char *value,
		     uint64_t v)
{
	say(t, "dht_telescope_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, v);
}

/* Buckets of the crawl are four to an octave from 16 us; one in four is shown. */
static void round_trips(struct text *t, const uint64_t *hist)
{
	static const char name[] = "rtt_seconds";
	uint64_t sum = 0;
	double seconds = 0, edge = 16e-6;

	head(t, name, "histogram", "Round trips of answered queries, to a quarter of an octave.");
	for (unsigned i = 0; i < RTT_BUCKETS; i++) {
		sum += hist[i];
		seconds += (double)hist[i] * edge * 1.09; /* middle of a quarter octave */
		edge *= 1.189207115002721;
		if (i % 4 == 3 && i < RTT_BUCKETS - 4)
			say(t, "dht_telescope_%s_bucket{le=\"%.6g\"} %" PRIu64 "\n", name, edge,
			    sum);
	}
	say(t, "dht_telescope_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	say(t, "dht_telescope_%s_sum %.6f\ndht_telescope_%s_count %" PRIu64 "\n", name, seconds,
	    name, sum);
}

static void of_census(struct text *t, const struct serve_counters *c)
{
	head(t, "packets_sent_total", "counter", "Packets that the kernel took, by KRPC type.");
	labelled(t, "packets_sent_total", "type", "query", c->sent);
	head(t, "packets_received_total", "counter",
	     "Datagrams received: answers to queries that waited, and others.");
	labelled(t, "packets_received_total", "type", "reply", c->answered);
	labelled(t, "packets_received_total", "type", "error", c->errors);
	labelled(t, "packets_received_total", "type", "other",
		 c->received > c->answered + c->errors ? c->received - c->answered - c->errors : 0);
	one(t, "bytes_sent_total", "counter", "Bytes of UDP payload sent.", c->bytes_sent);
	one(t, "bytes_received_total", "counter", "Bytes of UDP payload received.",
	    c->bytes_received);
	one(t, "queries_answered_total", "counter", "Queries that were answered.", c->answered);
	one(t, "queries_refused_total", "counter", "Queries answered by an error.", c->errors);
	one(t, "queries_timed_out_total", "counter", "Queries that expired.", c->expired);
	head(t, "invalid_packets_total", "counter", "Datagrams that were no answer to us.");
	labelled(t, "invalid_packets_total", "reason", "malformed", c->malformed);
	labelled(t, "invalid_packets_total", "reason", "foreign", c->foreign);
	labelled(t, "invalid_packets_total", "reason", "late", c->late);
	labelled(t, "invalid_packets_total", "reason", "duplicate", c->duplicate);
	head(t, "kernel_drops_total", "counter", "Datagrams that the kernel dropped.");
	labelled(t, "kernel_drops_total", "where", "socket", c->kernel_drops);
	one(t, "unexplained_packets", "gauge",
	    "Sent, and neither answered, refused, expired nor in flight.", c->unexplained);
	one(t, "queries_in_flight", "gauge", "Queries that wait for an answer.", c->in_flight);
	one(t, "nodes_known", "gauge", "Endpoints known to the census under way.",
	    c->endpoints_known);
	one(t, "nodes_responding", "gauge", "Of which answered.", c->endpoints_live);
	one(t, "frontier_size", "gauge", "Endpoints still to be asked.", c->frontier);
	head(t, "ring_full_total", "counter",
	     "Turns cut short by a full ring; post: contacts lost between workers.");
	labelled(t, "ring_full_total", "ring", "slots", c->slots_full);
	labelled(t, "ring_full_total", "ring", "sink", c->sink_full);
	labelled(t, "ring_full_total", "ring", "post", c->post_full);
	head(t, "store_commit_seconds", "summary", "Batches made durable, and how long it took.");
	say(t, "dht_telescope_store_commit_seconds_sum %.6f\n", (double)c->commit_ns / 1e9);
	say(t, "dht_telescope_store_commit_seconds_count %" PRIu64 "\n", c->commits);
	one(t, "sightings_total", "counter", "Sightings handed to the store.", c->sightings);
	one(t, "censuses_total", "counter", "Censuses completed.", c->censuses);
	one(t, "census_running", "gauge", "1 while a census is being taken here.", c->running);
	round_trips(t, c->rtt_hist);
}

static void of_service(struct text *t, struct serve *s)
{
	one(t, "store_nodes", "gauge", "Rows of the node table at the last look.", s->store_nodes);
	one(t, "store_file_bytes", "gauge", "Size of the store's table file.", s->store_bytes);
	one(t, "stream_clients", "gauge", "Clients that read /peers.", s->peers_count);
	one(t, "stream_lines_total", "counter", "Lines written to the stream.",
	    feed_written(s->feed));
	one(t, "stream_dropped_lines_total", "counter",
	    "Lines that slow clients were told they lost.", s->lines_dropped);
	one(t, "stream_bytes_total", "counter", "Bytes streamed to clients.", s->bytes_streamed);
	one(t, "http_requests_total", "counter", "Requests.", s->requests);
	one(t, "http_refused_total", "counter", "Requests answered by an error.", s->refused);
	one(t, "http_connections", "gauge", "Connections open now.", s->guest_count);
	one(t, "http_timed_out_total", "counter",
	    "Connections ended for a request that did not come, or an answer not taken.",
	    s->shown_out);
	head(t, "build_info", "gauge", "Always 1.");
	say(t, "dht_telescope_build_info{version=\"%s\",backend=\"%s\"} 1\n", s->opts.version,
	    s->counters.backend);
}

enum MHD_Result serve_metrics(struct serve *s, struct MHD_Connection *c)
{
	char *bytes = malloc(METRICS_MAX);
	enum MHD_Result rc;
	struct text t;

	if (!bytes)
		return MHD_NO;
	t = (struct text){ bytes, bytes + METRICS_MAX };
	pthread_mutex_lock(&s->lock);
	of_census(&t, &s->counters);
	of_service(&t, s);
	pthread_mutex_unlock(&s->lock);
	rc = serve_reply(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", bytes,
			 (size_t)(t.at - bytes));
	free(bytes);
	return rc;
}
