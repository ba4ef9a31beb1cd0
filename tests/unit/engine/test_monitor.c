/* SPDX-License-Identifier: MIT */
#include "engine/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/counters.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

static const uint64_t S = 1000000000;

/* Five seconds into a census that sends 12,300 a second. */
static struct engine_counters counters_of(unsigned second)
{
	struct engine_counters c = { .unexplained = 0 };

	c.crawl.sent = 12300 * second;
	c.crawl.answered = 6000 * second;
	c.crawl.expired = 2000 * second;
	c.crawl.in_flight = c.crawl.sent - c.crawl.answered - c.crawl.expired;
	c.crawl.endpoints_known = 100000;
	c.crawl.endpoints_live = 3000 * second;
	c.crawl.frontier = 80000 - 4000 * second;
	c.crawl.rtt_hist[51] = 6000 * second; /* 16 us x 2^(51/4) = 110 ms and up */
	c.crawl.late = 7;
	c.crawl.foreign = 1;
	c.net.recv_packets = 6100 * second;
	c.net.kernel_drops = second;
	return c;
}

static struct engine_status status_of(unsigned second)
{
	struct engine_counters now = counters_of(second), last = counters_of(second - 1);
	struct engine_status s;

	monitor_status(&now, &last, second * S, S, &s);
	return s;
}

static void test_status(void **state)
{
	struct engine_status s = status_of(5);

	(void)state;
	assert_true(fabs(s.sent_pps - 12300) < 1e-6 && fabs(s.sent_avg_pps - 12300) < 1e-6);
	assert_true(fabs(s.recv_pps - 6100) < 1e-6);
	assert_true(fabs(s.drop_pps - 1) < 1e-9);
	assert_true(fabs(s.hit_rate - 0.75) < 1e-9);
	assert_true(fabs(s.percent - 40) < 1e-6);
	/* 60,000 left at 61,500 / 40,000 packets each and 12,300 a second: 7.5 s */
	assert_true(fabs((double)s.left_ns / 1e9 - 7.5) < 0.01);
	assert_true(s.rtt_p50_ms > 110 && s.rtt_p50_ms < 131);
	assert_true(fabs(s.rtt_p50_ms - s.rtt_p99_ms) < 1e-9);
}

static void test_status_of_nothing(void **state)
{
	struct engine_counters none = { .unexplained = 0 };
	struct engine_status s;

	(void)state;
	monitor_status(&none, &none, 0, 0, &s);
	assert_true(s.sent_pps == 0 && s.hit_rate == 0 && s.percent == 0);
	assert_true(s.left_ns == UINT64_MAX && isnan(s.rtt_p50_ms));
}

static void test_line(void **state)
{
	struct engine_status s = status_of(5);
	char line[MONITOR_LINE_MAX];

	(void)state;
	monitor_line(&s, line, sizeof(line));
	assert_string_equal(line,
			    "0:05 40% (7s left); send: 61500 12.3 Kp/s (12.3 Kp/s avg); "
			    "recv: 30500 6.1 Kp/s (6.1 Kp/s avg); drops: 1 p/s (1 p/s avg); "
			    "hitrate: 75.00%; live: 15000; flight: 21.5 K; late: 7; foreign: 1; "
			    "rtt: 120/120 ms");
	s.stopping = true;
	s.counters.unexplained = 3;
	s.elapsed_ns = 3725 * S;
	s.rtt_p50_ms = NAN;
	monitor_line(&s, line, sizeof(line));
	assert_true(strncmp(line, "1:02:05 40% (stopping); ", 24) == 0);
	assert_non_null(strstr(line, "; UNEXPLAINED: 3"));
	assert_null(strstr(line, "rtt"));
	s.stopping = false;
	s.left_ns = 100 * S;
	monitor_line(&s, line, sizeof(line));
	assert_non_null(strstr(line, "(1:40 left)"));
	s.left_ns = UINT64_MAX;
	monitor_line(&s, line, sizeof(line));
	assert_null(strstr(line, "left"));
}

/* However large its numbers, a line fits. */
static void test_longest_line(void **state)
{
	struct engine_status s;
	char line[MONITOR_LINE_MAX], small[20];
	int len;

	(void)state;
	memset(&s.counters, 0xff, sizeof(s.counters));
	s.elapsed_ns = UINT64_MAX;
	s.left_ns = UINT64_MAX - 1;
	s.percent = 100;
	s.sent_pps = s.recv_pps = s.drop_pps = 1e18;
	s.sent_avg_pps = s.recv_avg_pps = s.drop_avg_pps = 1e18;
	s.hit_rate = 1;
	s.rtt_p50_ms = s.rtt_p99_ms = 1234567;
	s.stopping = false;
	len = monitor_line(&s, line, sizeof(line));
	assert_true(len < MONITOR_LINE_MAX - 1);
	assert_int_equal(len, strlen(line));
	len = monitor_line(&s, small, sizeof(small));
	assert_int_equal(len, sizeof(small) - 1);
	assert_int_equal(strlen(small), sizeof(small) - 1);
}

static unsigned commas(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

/* ZMap's own file has one column more in its rows than in its header; not ours. */
static void test_csv(void **state)
{
	struct engine_status s = status_of(5);
	char header[2000], row[2000], extreme[2000];

	(void)state;
	assert_true(monitor_csv_header(header, sizeof(header)) < (int)sizeof(header));
	assert_true(monitor_csv_row(&s, 1700000000123, row, sizeof(row)) < (int)sizeof(row));
	assert_int_equal(commas(header), commas(row));
	assert_true(strncmp(row, "2023-11-14T22:13:20.123Z,5.000,7.500,40,0.75,61500,12300,12300,",
			    62) == 0);
	memset(&s, 0xff, sizeof(s)); /* NANs and the largest counters */
	monitor_csv_row(&s, UINT64_MAX / 1000000, extreme, sizeof(extreme));
	assert_int_equal(commas(extreme), commas(header));
	assert_int_equal(extreme[strlen(extreme) - 1], '\n');
}

/* ---- to a file that is no terminal ------------------------------------------------ */

static void test_log(void **state)
{
	struct engine_opts opts = { .status = tmpfile() };
	struct engine_counters c;
	char why[ENGINE_WHY_MAX], text[4000];
	struct monitor *m;
	size_t n;

	(void)state;
	assert_non_null(opts.status);
	assert_int_equal(monitor_open(&opts, &m, why), 0);
	monitor_start(m, 100 * S, 0);
	assert_true(monitor_due_ns(m) == 101 * S);
	/* Ticks come faster than a person's ten seconds: the first is printed, and the last. */
	for (unsigned i = 1; i <= 5; i++) {
		c = counters_of(i);
		monitor_tick(m, (100 + i) * S, &c, false, false);
	}
	assert_true(monitor_due_ns(m) == 106 * S);
	monitor_note(m, "a note of %d", 7);
	c = counters_of(6);
	monitor_tick(m, 106 * S, &c, true, true);
	monitor_close(m);
	rewind(opts.status);
	n = fread(text, 1, sizeof(text) - 1, opts.status);
	text[n] = '\0';
	assert_true(strncmp(text, "0:01 ", 5) == 0);
	assert_non_null(strstr(text, "\na note of 7\n0:06 "));
	assert_null(strstr(text, "0:03"));
	assert_null(strchr(text, '\r'));
	assert_int_equal(text[n - 1], '\n');
	fclose(opts.status);
	monitor_close(NULL);
}

/* On a terminal one line is written over, never wider than the terminal. */
static void test_terminal(void **state)
{
	struct winsize size = { .ws_row = 25, .ws_col = 80 };
	struct engine_opts opts = { 0 };
	struct engine_counters c;
	char why[ENGINE_WHY_MAX], text[4000];
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct monitor *m;
	size_t len;
	ssize_t n;

	(void)state;
	if (master < 0 || grantpt(master) || unlockpt(master))
		skip();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	opts.status = fdopen(slave, "w");
	assert_int_equal(monitor_open(&opts, &m, why), 0);
	monitor_start(m, 100 * S, 0);
	c = counters_of(1);
	monitor_tick(m, 101 * S, &c, false, false);
	n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_true(strncmp(text, "\r0:01 ", 6) == 0);
	assert_int_equal(strcspn(text + 1, "\033\n"), 79);
	assert_null(strchr(text, '\n'));
	monitor_note(m, "note"); /* ends the line that stands there */
	/* A terminal may hand it over in pieces. */
	for (len = 0; len < 8; len += (size_t)n) {
		n = read(master, text + len, sizeof(text) - 1 - len);
		assert_true(n > 0);
	}
	text[len] = '\0';
	assert_string_equal(text, "\r\nnote\r\n");
	monitor_close(m);
	fclose(opts.status);
	close(master);
}

static void test_cannot_open(void **state)
{
	struct engine_opts opts = { .status_path = "/nonexistent/x.csv" };
	char why[ENGINE_WHY_MAX] = "";
	struct monitor *m = NULL;

	(void)state;
	assert_int_equal(monitor_open(&opts, &m, why), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent/x.csv: "));
	assert_null(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),      cmocka_unit_test(test_status_of_nothing),
		cmocka_unit_test(test_line),        cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_csv),         cmocka_unit_test(test_log),
		cmocka_unit_test(test_cannot_open), cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
