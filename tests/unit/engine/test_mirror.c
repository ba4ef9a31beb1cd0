/* SPDX-License-Identifier: MIT */
#include "engine/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/capture.h"
#include "tests/support/tempdir.h"
#include "tests/support/unit.h"

/* A device that answers each datagram with its bytes reversed. */
struct echo {
	struct net net;
	uint8_t frames[NET_BATCH_MAX][NET_FRAME_MAX];
	struct net_msg waiting[NET_BATCH_MAX];
	unsigned count;
};

static unsigned echo_alloc(struct net *net, struct net_msg *msgs, unsigned count)
{
	struct echo *e = (struct echo *)net;

	for (unsigned i = 0; i < count; i++)
		msgs[i].data = e->frames[i];
	return count;
}

static unsigned echo_send(struct net *net, const struct net_msg *msgs, unsigned count)
{
	struct echo *e = (struct echo *)net;

	memcpy(e->waiting, msgs, count * sizeof(*msgs));
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < msgs[i].len / 2; k++) {
			uint8_t b = msgs[i].data[k];

			msgs[i].data[k] = msgs[i].data[msgs[i].len - 1 - k];
			msgs[i].data[msgs[i].len - 1 - k] = b;
		}
	e->count = count;
	return count;
}

static int echo_recv(struct net *net, struct net_msg *msgs, unsigned max, uint64_t wait_ns)
{
	struct echo *e = (struct echo *)net;
	unsigned n = e->count < max ? e->count : max;

	(void)wait_ns;
	memcpy(msgs, e->waiting, n * sizeof(*msgs));
	e->count = 0;
	return (int)n;
}

static void echo_finish(struct net *net)
{
	(void)net;
}

static void echo_close(struct net *net)
{
	free(net);
}

static const struct net_ops echo_ops = { .name = "echo",
					 .send_alloc = echo_alloc,
					 .send = echo_send,
					 .recv = echo_recv,
					 .recv_finish = echo_finish,
					 .close = echo_close };

static uint64_t some_time(void *ctx)
{
	return *(uint64_t *)ctx;
}

struct seen {
	unsigned sent, received, wrong;
	uint64_t first_us, last_us;
};

static void on_frame(void *ctx, const struct tap_packet *p)
{
	struct seen *s = ctx;
	struct endpoint us = endpoint_ip4(0x51020304, 6881);
	unsigned i, len;
	struct frame f;

	if (frame_parse(p->bytes, p->wire_len, p->link, &f) != FRAME_UDP) {
		s->wrong++;
		return;
	}
	s->first_us = s->first_us ? s->first_us : p->when_us;
	s->last_us = p->when_us;
	i = endpoint_get_ip4(endpoint_equal(&f.from, &us) ? &f.to : &f.from) - 0x0b000000;
	len = 20 + i % 300;
	s->sent += endpoint_equal(&f.from, &us);
	s->received += endpoint_equal(&f.to, &us);
	s->wrong += f.payload.len != len ||
		    f.payload.ptr[endpoint_equal(&f.from, &us) ? 0 : len - 1] != (uint8_t)i;
}

static void read_back(const char *path, struct seen *s)
{
	char why[CAPTURE_WHY_MAX];
	struct capture *c;
	int n;

	memset(s, 0, sizeof(*s));
	assert_int_equal(capture_open_file(path, NULL, &c, why), 0);
	while ((n = capture_read(c, 100, on_frame, s)) > 0)
		;
	assert_int_equal(n, DT_ENOTFOUND);
	capture_close(c);
}

static char dir[TEMPDIR_MAX];

/* All that was exchanged is in the file, both ways, whole, by however many devices in turn. */
static void test_exchange(void **state)
{
	enum { TURNS = 400, EACH = 50, DEVICES = 3 };
	uint64_t at_ns = 5000000;
	struct clock clock = { some_time, 1700000000000000000, &at_ns };
	struct endpoint us = endpoint_ip4(0x51020304, 6881);
	char path[TEMPDIR_MAX + 16], why[MIRROR_WHY_MAX];
	struct mirror_stats st;
	struct mirror *m;
	struct seen seen;
	uint32_t next = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.pcap", dir);
	assert_int_equal(mirror_open(path, &clock, &m, why), 0);
	mirror_set_local(m, &us);
	for (unsigned d = 0; d < DEVICES; d++) {
		struct echo *e = calloc(1, sizeof(*e));
		struct net *net;

		e->net.ops = &echo_ops;
		net = mirror_wrap(m, &e->net);
		assert_non_null(net);
		assert_string_equal(net->ops->name, "echo");
		for (unsigned t = 0; t < TURNS; t++) {
			struct net_msg msgs[EACH];

			assert_int_equal(net_send_alloc(net, msgs, EACH), EACH);
			for (unsigned i = 0; i < EACH; i++, next++) {
				msgs[i].peer = endpoint_ip4(0x0b000000 + next, 1000);
				msgs[i].len = 20 + next % 300;
				memset(msgs[i].data, 0xaa, msgs[i].len);
				msgs[i].data[0] = (uint8_t)next;
			}
			net_send(net, msgs, EACH);
			assert_int_equal(net_recv(net, msgs, EACH, t % 2), EACH);
			net_recv_finish(net);
			at_ns += 1000000;
			/* The writer gets its time: nothing is dropped that it could take. */
			nanosleep(&(struct timespec){ 0, 200000 }, NULL);
		}
		net_close(net);
	}
	assert_int_equal(mirror_close(m, &st), 0);
	assert_int_equal(st.packets + st.dropped, 2 * next);
	assert_int_equal(st.dropped, 0);
	read_back(path, &seen);
	assert_int_equal(seen.sent, next);
	assert_int_equal(seen.received, next);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.first_us, 1700000000005000);
}

static void test_refusals(void **state)
{
	struct clock clock = { .now_ns = NULL };
	char why[MIRROR_WHY_MAX];
	struct mirror_stats st;
	struct mirror *m;

	(void)state;
	assert_int_equal(mirror_open("/no/such/folder/file", &clock, &m, why), -EIO);
	assert_non_null(strstr(why, "/no/such/folder/file"));
	assert_int_equal(mirror_close(NULL, &st), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_exchange),
					    cmocka_unit_test(test_refusals) };
	int rc;

	tempdir_make(dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tempdir_remove(dir);
	return rc;
}
