/* SPDX-License-Identifier: MIT */
#include "engine/metadata.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "engine/kernel.h"
#include "proto/json.h"

enum {
	TEXT_MAX = 256 * 1024,
	/* Networks of the user's list that are written out; a longer list is named by
	 * its file and counts alone. */
	NETWORKS_MAX = 1000,
	ISO_MAX = 40,
};

static void put_time(struct json *j, const char *key, uint64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / 1000);
	char text[ISO_MAX];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(unix_ms % 1000));
	json_kv_cstring(j, key, text);
}

static void put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

static void put_program(struct json *j, const struct metadata *m)
{
	const struct engine_result *r = m->result;

	json_kv_cstring(j, "schema", "dht-telescope-metadata/1");
	json_kv_cstring(j, "program", "dht-telescope");
	json_kv_cstring(j, "version", m->opts->version);
	json_kv_cstring(j, "command", m->opts->command);
	json_kv_cstring(j, "notes", m->opts->notes);
	put_time(j, "start_time", r->started_ms);
	put_time(j, "end_time", r->started_ms + r->elapsed_ns / 1000000);
	json_kv_double(j, "duration_s", (double)r->elapsed_ns / 1e9);
	json_kv_cstring(j, "end", engine_end_name(r->end));
	json_kv_cstring(j, "error", r->end == ENGINE_END_FAILED ? r->why : NULL);
}

static const char *method_name(enum crawl_method method)
{
	switch (method) {
	case CRAWL_FIND_NODE:
		return "find_node";
	case CRAWL_GET_PEERS:
		return "get_peers";
	case CRAWL_PING:
		return "ping";
	case CRAWL_SAMPLE:
		return "sample";
	}
	return "?";
}

static void put_settings(struct json *j, const struct metadata *m)
{
	const struct crawl_opts *c = &m->opts->crawl;

	json_key(j, "settings");
	json_object_begin(j);
	json_kv_double(j, "rate_pps", m->opts->rate_pps > 0 ? m->opts->rate_pps : 0);
	put_bool(j, "rate_unlimited", m->opts->rate_pps <= 0);
	put_bool(j, "rate_adaptive", m->opts->adaptive);
	json_kv_double(j, "rate_at_the_end_pps", m->result->rate_pps);
	json_kv_double(j, "rate_clean_pps", m->result->rate_clean_pps); /* 0: not found */
	json_kv_double(j, "rate_lost_pps", m->result->rate_lost_pps);
	json_kv_u64(j, "window", m->opts->window);
	json_kv_u64(j, "seed", c->seed);
	json_kv_u64(j, "shard", 0);
	json_kv_u64(j, "shards", 1);
	json_kv_cstring(j, "plan", crawl_plan_name(c->plan));
	json_kv_cstring(j, "method", method_name(c->method));
	json_kv_double(j, "mixing", c->mixing);
	json_kv_u64(j, "mixing_all_until", c->mixing_all_until);
	json_kv_double(j, "timeout1_s", (double)c->timeout1_ns / 1e9);
	json_kv_double(j, "timeout2_s", (double)c->timeout2_ns / 1e9);
	json_kv_double(j, "sweep_after_s", (double)c->sweep_after_ns / 1e9);
	json_kv_double(j, "late_s", (double)c->late_ns / 1e9);
	json_kv_double(j, "raise_above", c->raise_above);
	json_kv_double(j, "max_runtime_s", (double)m->opts->max_runtime_ns / 1e9);
	json_kv_double(j, "cooldown_s", (double)m->opts->cooldown_ns / 1e9);
	json_kv_u64(j, "bootstrap_contacts", m->opts->bootstrap_count);
	json_object_end(j);
}

static void put_machine(struct json *j, const struct metadata *m)
{
	static const char *const sysctls[] = {
		"net.core.rmem_max",
		"net.core.wmem_max",
		"net.core.netdev_max_backlog",
		"net.ipv4.ip_local_port_range",
		"net.netfilter.nf_conntrack_max",
		"net.netfilter.nf_conntrack_count",
		"kernel.io_uring_disabled",
	};
	const struct engine_result *r = m->result;
	char text[ENDPOINT_TEXT_MAX], value[KERNEL_SYSCTL_MAX];
	struct utsname u;

	json_key(j, "machine");
	json_object_begin(j);
	if (uname(&u) == 0) {
		json_kv_cstring(j, "kernel", u.release);
		json_kv_cstring(j, "architecture", u.machine);
	}
	json_kv_u64(j, "workers", r->workers);
	put_bool(j, "pinned", m->opts->pin);
	json_kv_cstring(j, "backend", r->backend);
	json_kv_cstring(j, "backend_why", r->backend_why[0] ? r->backend_why : NULL);
	put_bool(j, "steered_by_kernel", r->steered);
	json_kv_cstring(j, "local", endpoint_to_text(&r->local, text));
	json_kv_u64(j, "rcvbuf_bytes", r->rcvbuf_bytes);
	json_kv_cstring(j, "privileges", m->privileges);
	json_key(j, "sysctls");
	json_object_begin(j);
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(*sysctls); i++)
		if (kernel_sysctl(sysctls[i], value) == 0)
			json_kv_cstring(j, sysctls[i], value);
	json_object_end(j);
	json_object_end(j);
}

static void put_range(struct json *j, const struct blocklist_range *r)
{
	char lo[INET6_ADDRSTRLEN], hi[INET6_ADDRSTRLEN], text[2 * INET6_ADDRSTRLEN + 1];
	bool v4 = endpoint_is4(&r->lo);

	inet_ntop(v4 ? AF_INET : AF_INET6, r->lo.addr + (v4 ? 12 : 0), lo, sizeof(lo));
	inet_ntop(v4 ? AF_INET : AF_INET6, r->hi.addr + (v4 ? 12 : 0), hi, sizeof(hi));
	snprintf(text, sizeof(text), "%s-%s", lo, hi);
	json_cstring(j, text);
}

static void put_blocklist(struct json *j, const struct metadata *m)
{
	const struct blocklist_info *info = &m->result->blocklist;
	struct blocklist_range r;
	unsigned written = 0;

	json_key(j, "blocklist");
	json_object_begin(j);
	json_kv_cstring(j, "file", m->opts->blocklist_path);
	json_kv_u64(j, "file_prefixes", info->file_prefixes);
	json_kv_u64(j, "special_purpose_addresses4", info->bogon4);
	json_kv_u64(j, "listed_addresses4", info->listed4);
	json_key(j, "listed_networks");
	json_array_begin(j);
	for (unsigned i = 0; written < NETWORKS_MAX && blocklist_range(m->blocklist, i, &r); i++) {
		if (r.hit != BLOCKLIST_LISTED)
			continue;
		put_range(j, &r);
		written++;
	}
	json_array_end(j);
	put_bool(j, "listed_networks_cut", written == NETWORKS_MAX);
	json_object_end(j);
}

static void put_conduct(struct json *j, const struct metadata *m)
{
	const struct engine_counters *c = &m->result->counters;

	json_key(j, "refused");
	json_object_begin(j);
	for (int i = GATE_OK + 1; i < GATE_REASONS; i++)
		json_kv_u64(j, gate_reason_name((enum gate_reason)i),
			    c->gate.refused[i] + c->crawl.endpoints_refused[i]);
	json_object_end(j);
	json_key(j, "politeness");
	json_object_begin(j);
	json_kv_u64(j, "most_packets_to_one_address_in_10_s", c->gate.worst_host_10s);
	json_kv_u64(j, "most_packets_to_one_network_in_10_s", c->gate.worst_net_10s);
	json_kv_u64(j, "waits_for_full_tables", c->gate.crowded);
	json_object_end(j);
}

static void put_accounts(struct json *j, const struct engine_counters *c, double elapsed_s)
{
	const struct crawl_stats *s = &c->crawl;
	uint64_t settled = s->answered + s->errors + s->expired;

	json_key(j, "accounts");
	json_object_begin(j);
	json_kv_u64(j, "sent", s->sent);
	json_kv_u64(j, "answered", s->answered);
	json_kv_u64(j, "errors", s->errors);
	json_kv_u64(j, "expired", s->expired);
	json_kv_u64(j, "in_flight", s->in_flight);
	json_kv_u64(j, "unexplained", c->unexplained);
	json_kv_u64(j, "send_failed", s->send_failed);
	json_kv_u64(j, "late", s->late);
	json_kv_u64(j, "duplicate", s->duplicate);
	json_kv_u64(j, "foreign", s->foreign);
	json_kv_u64(j, "malformed", s->malformed);
	json_kv_u64(j, "packets_received", c->net.recv_packets);
	json_kv_u64(j, "bytes_sent", c->net.sent_bytes);
	json_kv_u64(j, "bytes_received", c->net.recv_bytes);
	json_kv_u64(j, "sightings", c->sightings);
	json_kv_double(j, "send_rate_avg_pps", elapsed_s > 0 ? (double)s->sent / elapsed_s : 0);
	json_kv_double(j, "hit_rate", settled ? (double)s->answered / (double)settled : 0);
	json_object_end(j);
}

static void put_drops(struct json *j, const struct engine_counters *c)
{
	json_key(j, "drops");
	json_object_begin(j);
	json_kv_u64(j, "receive_queue_full", c->net.kernel_drops);
	json_kv_u64(j, "truncated", c->net.recv_truncated);
	json_kv_u64(j, "broken_frames", c->net.recv_broken);
	json_kv_u64(j, "xdp_rings_full", c->net.xdp_drops); /* of receive_queue_full */
	json_kv_u64(j, "cq_overflow", c->net.cq_overflow);
	json_kv_u64(j, "buffer_starved", c->net.buffer_starved);
	json_kv_u64(j, "contacts_between_workers", c->worker.post_dropped);
	json_kv_u64(j, "datagrams_between_workers", c->worker.forward_dropped);
	json_kv_u64(j, "turns_waiting_for_scribe", c->worker.ring_full);
	json_kv_u64(j, "turns_waiting_for_post", c->worker.post_behind);
	json_kv_u64(j, "endpoints_beyond_table", c->crawl.endpoints_full);
	json_object_end(j);
	json_key(j, "kernel_udp"); /* of the network namespace, other programs with it */
	json_object_begin(j);
	json_kv_u64(j, "in_datagrams", c->kernel.in_datagrams);
	json_kv_u64(j, "in_errors", c->kernel.in_errors);
	json_kv_u64(j, "rcvbuf_errors", c->kernel.rcvbuf_errors);
	json_kv_u64(j, "out_datagrams", c->kernel.out_datagrams);
	json_kv_u64(j, "sndbuf_errors", c->kernel.sndbuf_errors);
	json_kv_u64(j, "own_socket_drops", c->kernel.socket_drops);
	json_kv_u64(j, "softnet_dropped", c->kernel.softnet_dropped); /* of the machine */
	json_kv_u64(j, "softnet_squeezed", c->kernel.softnet_squeezed);
	json_object_end(j);
}

int metadata_write(FILE *f, const struct metadata *m)
{
	const struct engine_result *r = m->result;
	char *text = malloc(TEXT_MAX);
	struct json j;
	int len;

	if (!text)
		return -ENOMEM;
	json_init(&j, text, TEXT_MAX, true);
	json_object_begin(&j);
	put_program(&j, m);
	put_settings(&j, m);
	put_machine(&j, m);
	put_blocklist(&j, m);
	put_conduct(&j, m);
	put_accounts(&j, &r->counters, (double)r->elapsed_ns / 1e9);
	put_drops(&j, &r->counters);
	json_object_end(&j);
	len = json_finish(&j);
	if (len >= 0) {
		errno = 0;
		rewind(f);
		if (fwrite(text, 1, (size_t)len, f) != (size_t)len || fputc('\n', f) == EOF ||
		    fflush(f) || ftruncate(fileno(f), len + 1))
			len = errno ? -errno : -EIO;
	}
	free(text);
	return len < 0 ? len : 0;
}
