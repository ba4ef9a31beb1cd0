/* SPDX-License-Identifier: MIT */
#include "engine/monitor.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/counters.h"

enum {
	TICK_NS = 1000000000,
	ROW_MAX = 1600,
	TTY_EVERY_S = 1,
	LOG_EVERY_S = 10,
};

struct monitor {
	const struct engine_opts *opts;
	FILE *csv;
	bool tty, line_open; /* a status line stands without its newline */
	struct clock system; /* what a person waits by, also in virtual time */
	uint64_t printed_ns; /* by it */
	uint64_t start_ns, last_ns, wall_minus_now_ns;
	struct engine_counters last;
};

/* ---- from counters to status ------------------------------------------------------ */

static double per_s(uint64_t now, uint64_t last, uint64_t interval_ns)
{
	return interval_ns ? (double)(now - last) * 1e9 / (double)interval_ns : 0;
}

static uint64_t drops(const struct engine_counters *c)
{
	return c->net.kernel_drops + c->net.cq_overflow + c->worker.forward_dropped;
}

/* Round trips of the interval; where there were none, of the whole run. */
static void set_rtt(const struct engine_counters *now, const struct engine_counters *last,
		    struct engine_status *out)
{
	uint64_t hist[64];

	for (unsigned i = 0; i < 64; i++)
		hist[i] = now->crawl.rtt_hist[i] - last->crawl.rtt_hist[i];
	out->rtt_p50_ms = counters_rtt_ms(hist, 0.5);
	if (isnan(out->rtt_p50_ms))
		memcpy(hist, now->crawl.rtt_hist, sizeof(hist));
	out->rtt_p50_ms = counters_rtt_ms(hist, 0.5);
	out->rtt_p99_ms = counters_rtt_ms(hist, 0.99);
}

/*
 * What is left: each endpoint of the frontier costs about as many packets as
 * the ones before it did, one that waits costs one. A frontier that still grows
 * says nothing.
 */
static void set_progress(const struct crawl_stats *c, const struct crawl_stats *last,
			 struct engine_status *out)
{
	uint64_t open = c->frontier + c->retry_waiting;
	double asked = (double)(c->endpoints_known - c->frontier), each;

	out->left_ns = UINT64_MAX;
	out->percent = 0;
	if (c->endpoints_known == 0 || asked <= 0)
		return;
	out->percent = open < c->endpoints_known
			       ? 100.0 * (1 - (double)open / (double)c->endpoints_known)
			       : 0;
	each = (double)c->sent / asked;
	if (c->frontier <= last->frontier && out->sent_pps > 0)
		out->left_ns = (uint64_t)(((double)c->frontier * each + (double)c->retry_waiting) /
					  out->sent_pps * 1e9);
}

void monitor_status(const struct engine_counters *now, const struct engine_counters *last,
		    uint64_t elapsed_ns, uint64_t interval_ns, struct engine_status *out)
{
	const struct crawl_stats *c = &now->crawl;
	uint64_t settled = c->answered + c->errors + c->expired;

	*out = (struct engine_status){ .elapsed_ns = elapsed_ns, .counters = *now };
	out->sent_pps = per_s(c->sent, last->crawl.sent, interval_ns);
	out->recv_pps = per_s(now->net.recv_packets, last->net.recv_packets, interval_ns);
	out->drop_pps = per_s(drops(now), drops(last), interval_ns);
	out->sent_avg_pps = per_s(c->sent, 0, elapsed_ns);
	out->recv_avg_pps = per_s(now->net.recv_packets, 0, elapsed_ns);
	out->drop_avg_pps = per_s(drops(now), 0, elapsed_ns);
	out->hit_rate = settled ? (double)c->answered / (double)settled : 0;
	set_rtt(now, last, out);
	set_progress(c, &last->crawl, out);
}

/* ---- the line ------------------------------------------------------------------------ */

/* "12.3 K" and a unit behind it: three figures and a letter. */
static char *short_number(double v, const char *unit, char out[static 24])
{
	static const char *const letter[] = { " ", " K", " M", " G" };
	unsigned u = 0;

	for (; v >= 999.5 && u < sizeof(letter) / sizeof(*letter) - 1; u++)
		v /= 1000;
	snprintf(out, 24, u == 0 || v >= 99.95 ? "%.0f%s%s" : "%.1f%s%s", v,
		 u == 0 && !*unit ? "" : letter[u], unit);
	return out;
}

static char *duration(uint64_t ns, char out[static 24])
{
	uint64_t s = ns / 1000000000;

	if (s >= 3600)
		snprintf(out, 24, "%llu:%02u:%02u", (unsigned long long)(s / 3600),
			 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		snprintf(out, 24, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
	return out;
}

static const char *left(const struct engine_status *s, char out[static 40])
{
	char time[24];

	if (s->stopping)
		return " (stopping)";
	if (s->left_ns == UINT64_MAX || s->left_ns > UINT64_C(360000000000000))
		return "";
	if (s->left_ns < 60 * UINT64_C(1000000000))
		snprintf(out, 40, " (%us left)", (unsigned)(s->left_ns / 1000000000));
	else
		snprintf(out, 40, " (%s left)", duration(s->left_ns, time));
	return out;
}

int monitor_line(const struct engine_status *s, char *out, size_t cap)
{
	const struct crawl_stats *c = &s->counters.crawl;
	char t[24], l[40], n[7][24];
	int len = snprintf(
		out, cap,
		"%s %.0f%%%s; send: %llu %s (%s avg); recv: %llu %s (%s avg); drops: %s (%s avg); "
		"hitrate: %.2f%%; live: %llu; flight: %s; late: %llu; foreign: %llu",
		duration(s->elapsed_ns, t), floor(s->percent), left(s, l),
		(unsigned long long)c->sent, short_number(s->sent_pps, "p/s", n[0]),
		short_number(s->sent_avg_pps, "p/s", n[1]),
		(unsigned long long)s->counters.net.recv_packets,
		short_number(s->recv_pps, "p/s", n[2]), short_number(s->recv_avg_pps, "p/s", n[3]),
		short_number(s->drop_pps, "p/s", n[4]), short_number(s->drop_avg_pps, "p/s", n[5]),
		100 * s->hit_rate, (unsigned long long)c->endpoints_live,
		short_number((double)c->in_flight, "", n[6]), (unsigned long long)c->late,
		(unsigned long long)c->foreign);

	if (!isnan(s->rtt_p50_ms) && len > 0 && (size_t)len < cap)
		len += snprintf(out + len, cap - (size_t)len, "; rtt: %.3g/%.3g ms", s->rtt_p50_ms,
				s->rtt_p99_ms);
	if (s->counters.unexplained && len > 0 && (size_t)len < cap)
		len += snprintf(out + len, cap - (size_t)len, "; UNEXPLAINED: %llu",
				(unsigned long long)s->counters.unexplained);
	return len < (int)cap ? len : (int)cap - 1;
}

/* ---- the file ------------------------------------------------------------------------- */

/* A cell: a counter at @offset of struct engine_status, or a double, or a rule of its own. */
enum cell { CELL_U64, CELL_DOUBLE, CELL_SECONDS, CELL_TIME };

#define AT(member)    offsetof(struct engine_status, member)
#define COUNT(member) AT(counters.member)

/* The first twelve are named as ZMap's monitor names them. */
static const struct {
	const char *name;
	enum cell cell;
	size_t offset;
} columns[] = {
	{ "real-time", CELL_TIME, 0 },
	{ "time-elapsed", CELL_SECONDS, AT(elapsed_ns) },
	{ "time-remaining", CELL_SECONDS, AT(left_ns) },
	{ "percent-complete", CELL_DOUBLE, AT(percent) },
	{ "hit-rate", CELL_DOUBLE, AT(hit_rate) },
	{ "sent-total", CELL_U64, COUNT(crawl.sent) },
	{ "sent-last-one-sec", CELL_DOUBLE, AT(sent_pps) },
	{ "sent-avg-per-sec", CELL_DOUBLE, AT(sent_avg_pps) },
	{ "recv-total", CELL_U64, COUNT(net.recv_packets) },
	{ "recv-last-one-sec", CELL_DOUBLE, AT(recv_pps) },
	{ "recv-avg-per-sec", CELL_DOUBLE, AT(recv_avg_pps) },
	{ "drop-total", CELL_U64, COUNT(net.kernel_drops) },
	{ "drop-last-one-sec", CELL_DOUBLE, AT(drop_pps) },
	{ "drop-avg-per-sec", CELL_DOUBLE, AT(drop_avg_pps) },
	{ "sendto-fail-total", CELL_U64, COUNT(net.send_failures) },
	{ "answered", CELL_U64, COUNT(crawl.answered) },
	{ "errors", CELL_U64, COUNT(crawl.errors) },
	{ "expired", CELL_U64, COUNT(crawl.expired) },
	{ "in-flight", CELL_U64, COUNT(crawl.in_flight) },
	{ "unexplained", CELL_U64, COUNT(unexplained) },
	{ "first-attempts", CELL_U64, COUNT(crawl.first_attempts) },
	{ "retries", CELL_U64, COUNT(crawl.retries_sent) },
	{ "late", CELL_U64, COUNT(crawl.late) },
	{ "duplicate", CELL_U64, COUNT(crawl.duplicate) },
	{ "foreign", CELL_U64, COUNT(crawl.foreign) },
	{ "malformed", CELL_U64, COUNT(crawl.malformed) },
	{ "known", CELL_U64, COUNT(crawl.endpoints_known) },
	{ "live", CELL_U64, COUNT(crawl.endpoints_live) },
	{ "frontier", CELL_U64, COUNT(crawl.frontier) },
	{ "retry-waiting", CELL_U64, COUNT(crawl.retry_waiting) },
	{ "rtt-p50-ms", CELL_DOUBLE, AT(rtt_p50_ms) },
	{ "rtt-p99-ms", CELL_DOUBLE, AT(rtt_p99_ms) },
	{ "cq-overflow", CELL_U64, COUNT(net.cq_overflow) },
	{ "buffer-starved", CELL_U64, COUNT(net.buffer_starved) },
	{ "ring-full", CELL_U64, COUNT(worker.ring_full) },
	{ "post-dropped", CELL_U64, COUNT(worker.post_dropped) },
	{ "forward-dropped", CELL_U64, COUNT(worker.forward_dropped) },
	{ "udp-in-datagrams", CELL_U64, COUNT(kernel.in_datagrams) },
	{ "udp-in-errors", CELL_U64, COUNT(kernel.in_errors) },
	{ "udp-rcvbuf-errors", CELL_U64, COUNT(kernel.rcvbuf_errors) },
	{ "udp-out-datagrams", CELL_U64, COUNT(kernel.out_datagrams) },
	{ "udp-sndbuf-errors", CELL_U64, COUNT(kernel.sndbuf_errors) },
	{ "socket-drops", CELL_U64, COUNT(kernel.socket_drops) },
	{ "softnet-dropped", CELL_U64, COUNT(kernel.softnet_dropped) },
	{ "softnet-squeezed", CELL_U64, COUNT(kernel.softnet_squeezed) },
	{ "xdp-drops", CELL_U64, COUNT(net.xdp_drops) },
	{ "broken-frames", CELL_U64, COUNT(net.recv_broken) },
	{ "canaries-answered", CELL_U64, COUNT(worker.canary_answered) },
	{ "canaries-lost", CELL_U64, COUNT(worker.canary_lost) },
	{ "sightings", CELL_U64, COUNT(sightings) },
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static int format_time(uint64_t unix_ms, char *out, size_t cap)
{
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	return (int)n + snprintf(out + n, cap - n, ".%03uZ", (unsigned)(unix_ms % 1000));
}

/* An empty cell stands for what is not known. */
static int format_cell(unsigned column, const struct engine_status *s, uint64_t unix_ms, char *out,
		       size_t cap)
{
	const char *at = (const char *)s + columns[column].offset;
	uint64_t u;
	double d;

	memcpy(&u, at, sizeof(u));
	memcpy(&d, at, sizeof(d));
	out[0] = '\0';
	switch (columns[column].cell) {
	case CELL_TIME:
		return format_time(unix_ms, out, cap);
	case CELL_U64:
		return snprintf(out, cap, "%llu", (unsigned long long)u);
	case CELL_SECONDS:
		return u == UINT64_MAX ? 0 : snprintf(out, cap, "%.3f", (double)u / 1e9);
	case CELL_DOUBLE:
	default:
		return isnan(d) ? 0 : snprintf(out, cap, "%.6g", d);
	}
}

int monitor_csv_header(char *out, size_t cap)
{
	int len = 0;

	for (unsigned i = 0; i < COLUMNS && len < (int)cap; i++)
		len += snprintf(out + len, cap - (size_t)len, "%s%c", columns[i].name,
				i + 1 < COLUMNS ? ',' : '\n');
	return len;
}

int monitor_csv_row(const struct engine_status *s, uint64_t unix_ms, char *out, size_t cap)
{
	int len = 0;

	for (unsigned i = 0; i < COLUMNS; i++) {
		char cell[40];

		format_cell(i, s, unix_ms, cell, sizeof(cell));
		if (len < (int)cap)
			len += snprintf(out + len, cap - (size_t)len, "%s%c", cell,
					i + 1 < COLUMNS ? ',' : '\n');
	}
	return len;
}

/* ---- while it runs ----------------------------------------------------------------------- */

static void write_row(struct monitor *m, const struct engine_status *s, uint64_t unix_ms)
{
	char row[ROW_MAX];

	if (!m->csv)
		return;
	monitor_csv_row(s, unix_ms, row, sizeof(row));
	/* Whoever reads along sees whole rows. A full disk shows in the store first. */
	fputs(row, m->csv);
	fflush(m->csv);
}

/* What is wider than the terminal would begin a new line with each second. */
static void cut_to_terminal(FILE *f, char *line)
{
	struct winsize size;

	if (ioctl(fileno(f), TIOCGWINSZ, &size) || size.ws_col == 0)
		return;
	if (strlen(line) >= size.ws_col)
		line[size.ws_col - 1] = '\0';
}

static void print_line(struct monitor *m, const struct engine_status *s, bool last)
{
	uint64_t now = clock_now_ns(&m->system);
	uint64_t every = m->tty ? TTY_EVERY_S : LOG_EVERY_S;
	char line[MONITOR_LINE_MAX];

	if (!m->opts->status)
		return;
	/* A tenth of a second early is not early: ticks come by the run's clock. */
	if (!last && m->printed_ns && now - m->printed_ns + 100000000 < every * 1000000000)
		return;
	m->printed_ns = now;
	monitor_line(s, line, sizeof(line));
	if (m->tty) {
		cut_to_terminal(m->opts->status, line);
		fprintf(m->opts->status, "\r%s\033[K%s", line, last ? "\n" : "");
	} else {
		fprintf(m->opts->status, "%s\n", line);
	}
	m->line_open = m->tty && !last;
	fflush(m->opts->status);
}

void monitor_tick(struct monitor *m, uint64_t now_ns, const struct engine_counters *sum,
		  bool stopping, bool last)
{
	struct engine_status status;

	monitor_status(sum, &m->last, now_ns - m->start_ns, now_ns - m->last_ns, &status);
	status.stopping = stopping;
	write_row(m, &status, (now_ns + m->wall_minus_now_ns) / 1000000);
	print_line(m, &status, last);
	if (m->opts->on_status)
		m->opts->on_status(m->opts->status_ctx, &status);
	m->last = *sum;
	m->last_ns = now_ns;
}

uint64_t monitor_due_ns(const struct monitor *m)
{
	return m->last_ns + TICK_NS;
}

void monitor_note(struct monitor *m, const char *format, ...)
{
	va_list args;

	if (!m->opts->status)
		return;
	if (m->line_open)
		fputc('\n', m->opts->status);
	m->line_open = false;
	va_start(args, format);
	vfprintf(m->opts->status, format, args);
	va_end(args);
	fputc('\n', m->opts->status);
	fflush(m->opts->status);
}

void monitor_start(struct monitor *m, uint64_t now_ns, uint64_t wall_minus_now_ns)
{
	m->start_ns = m->last_ns = now_ns;
	m->wall_minus_now_ns = wall_minus_now_ns;
	memset(&m->last, 0, sizeof(m->last));
}

int monitor_open(const struct engine_opts *opts, struct monitor **out,
		 char why[static ENGINE_WHY_MAX])
{
	struct monitor *m = calloc(1, sizeof(*m));
	char header[ROW_MAX];
	int err = -ENOMEM;

	if (!m)
		return err;
	m->opts = opts;
	m->system = clock_system();
	m->tty = opts->status && isatty(fileno(opts->status));
	if (opts->status_path) {
		m->csv = fopen(opts->status_path, "we");
		if (!m->csv) {
			err = -errno;
			snprintf(why, ENGINE_WHY_MAX, "%.150s: %s", opts->status_path,
				 dt_strerror(err));
			free(m);
			return err;
		}
		monitor_csv_header(header, sizeof(header));
		fputs(header, m->csv);
	}
	*out = m;
	return 0;
}

void monitor_close(struct monitor *m)
{
	if (!m)
		return;
	if (m->line_open)
		fputc('\n', m->opts->status);
	if (m->csv)
		fclose(m->csv);
	free(m);
}
