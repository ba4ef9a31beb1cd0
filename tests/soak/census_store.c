/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/sim/geo_own.h"
#include "store/store.h"

/**
 * DOC: census_store DIR NODES MOVING CENSUSES: a store as that many hourly censuses
 * would leave it, without the packets: each puts a sighting of everybody who is there
 * through the store's own writer, which places them by a simulation's Earth, keeps
 * the log and seals it. MOVING nodes come and go between two censuses, the same ones
 * whatever NODES; the others are there all along. Ids rise with the number of the node,
 * so that a batch of the writer meets neighbours: a crawl's order would leave the same
 * store and take several times as long.
 */

enum { START_S = 1795219200 /* 2026-11-21 */, INTERVAL_S = 3600, CENSUS_S = 300, AT_ONCE = 1024 };

struct stand {
	uint32_t ip;
	uint16_t port;
	uint8_t from, to; /* censuses, the last one included */
};

struct crowd {
	struct stand *list;
	uint32_t nodes, moving, censuses;
};

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

static const struct sim_geo_row *range_of(const struct sim_geo_row *rows, const double *upto,
					  int count, double at)
{
	int low = 0, high = count - 1;

	while (low < high) {
		int mid = (low + high) / 2;

		if (upto[mid] > at)
			high = mid;
		else
			low = mid + 1;
	}
	return &rows[low];
}

/* Who stands where, and from which census to which. */
static int gather(struct crowd *c)
{
	struct sim_geo_row *rows = NULL;
	int count = sim_geo_own_rows(&rows);
	double *upto = count > 0 ? malloc((size_t)count * sizeof(*upto)) : NULL, sum = 0;

	c->list = malloc((size_t)c->nodes * sizeof(*c->list));
	if (!upto || !c->list) {
		free(upto);
		free(rows);
		return count < 0 ? count : -ENOMEM;
	}
	for (int i = 0; i < count; i++)
		upto[i] = sum += (double)rows[i].weight;
	for (uint32_t i = 0; i < c->nodes; i++) {
		uint64_t r = mix(i + 1), s = mix(r);
		const struct sim_geo_row *row =
			range_of(rows, upto, count, (double)(r >> 11) * 0x1p-53 * sum);

		c->list[i] = (struct stand){ .ip = row->ip + (uint32_t)(s >> 32) % row->size,
					     .port = (uint16_t)(1024 + (s & 0xffff) % 64512),
					     .to = (uint8_t)c->censuses };
	}
	/* spread over all of them */
	for (uint32_t m = 0; m < c->moving; m++) {
		uint64_t r = mix(~(uint64_t)m);
		struct stand *s = &c->list[(uint64_t)m * c->nodes / c->moving];

		s->from = (uint8_t)(r % c->censuses);
		s->to = (uint8_t)(s->from + (r >> 32) % (c->censuses / 2));
	}
	free(upto);
	free(rows);
	return 0;
}

static void sighting_of(const struct crowd *c, uint32_t i, uint32_t census, struct sighting *out)
{
	const uint64_t high = (uint64_t)((double)i / c->nodes * 0x1p64), low = mix(i);

	*out = (struct sighting){
		.when_ms = ((uint64_t)START_S + census * INTERVAL_S) * 1000 +
			   mix(low + census) % (CENSUS_S * 1000),
		.key.bits = NODEID_BITS,
		.from = endpoint_ip4(c->list[i].ip, c->list[i].port),
		.way = SIGHTING_ANSWERED,
		.attempts = 1,
		.answers = 1,
		.version = { 'L', 'T', 2, 0 },
		.version_len = 4,
		.flags = SIGHTING_HAS_V,
		.mentions = 3,
		.rtt_us = 80000,
	};
	for (unsigned b = 0; b < NODEID_BYTES; b++)
		out->key.b[b] = (uint8_t)(b < 8    ? high >> (56 - 8 * b)
					  : b < 16 ? low >> (120 - 8 * b)
						   : i >> (24 - 8 * (b - 16)));
}

static int take_census(struct store *s, struct store_writer *w, const struct crowd *c, uint32_t n)
{
	const uint64_t start = (uint64_t)START_S + n * INTERVAL_S;
	struct sighting batch[AT_ONCE];
	unsigned count = 0;
	uint32_t id, there = 0;
	int err = store_epoch_begin(s, start, true, &id);

	for (uint32_t i = 0; i < c->nodes && !err; i++) {
		if (n < c->list[i].from || n > c->list[i].to)
			continue;
		sighting_of(c, i, n, &batch[count++]);
		there++;
		if (count == AT_ONCE) {
			err = store_writer_put(w, batch, count);
			count = 0;
		}
	}
	if (!err)
		err = store_writer_put(w, batch, count);
	if (!err)
		err = store_writer_flush(w);
	if (!err)
		err = store_epoch_end(s, id, start + CENSUS_S, "{}", 2);
	printf("census %u: %u\n", n + 1, there);
	fflush(stdout);
	return err;
}

static int fill(const char *dir, struct crowd *c)
{
	struct store_writer_opts opts = { .batch_records = 4000000, .batch_ms = 600000 };
	struct store_writer *w = NULL;
	struct store *s = NULL;
	char path[4096], why[256] = "";
	int err;

	if (mkdir(dir, 0777) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/geo.tsv", dir);
	err = sim_geo_own_write(path);
	if (!err)
		err = geo_open(&(struct geo_opts){ .dir = dir }, NULL, NULL, &opts.geo);
	if (!err)
		err = gather(c);
	if (!err)
		err = store_open(dir, STORE_CREATE, &s, why);
	if (!err)
		err = store_writer_new(s, &opts, &w);
	for (uint32_t n = 0; n < c->censuses && !err; n++)
		err = take_census(s, w, c, n);
	store_writer_free(w);
	if (!err)
		err = store_compact(s);
	store_close(s);
	geo_close(opts.geo);
	free(c->list);
	if (err)
		fprintf(stderr, "%s: %s\n", dir, why[0] ? why : dt_strerror(err));
	return err;
}

int main(int argc, char **argv)
{
	struct crowd c = { 0 };

	if (argc == 5) {
		c.nodes = (uint32_t)strtoul(argv[2], NULL, 10);
		c.moving = (uint32_t)strtoul(argv[3], NULL, 10);
		c.censuses = (uint32_t)strtoul(argv[4], NULL, 10);
	}
	if (c.censuses < 2 || c.censuses > 255 || !c.moving || c.moving > c.nodes) {
		fputs("Usage: census_store DIR NODES MOVING CENSUSES (2 to 255)\n", stderr);
		return 2;
	}
	return fill(argv[1], &c) ? 1 : 0;
}
