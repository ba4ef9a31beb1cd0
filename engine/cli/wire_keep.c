/* SPDX-License-Identifier: MIT */
/**
 * DOC: what a census leaves behind: the store, a table of nodes, bad datagrams.
 */
#include "engine/cli/wire_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/report.h"
#include "proto/krpc.h"

/* A folder that may be there already. */
int wire_make_folder(const char *dir)
{
	struct stat st;
	int err;

	if (mkdir(dir, 0755) == 0)
		return 0;
	err = -errno;
	if (err == -EEXIST && stat(dir, &st) == 0)
		err = S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (err)
		cli_fail("%s: %s", dir, dt_strerror(err));
	return err;
}

static void csv_row(FILE *csv, const struct sighting *s)
{
	char id[2 * NODEKEY_BYTES + 1], text[ENDPOINT_TEXT_MAX], version[KRPC_VERSION_TEXT_MAX];
	struct krpc_version v = krpc_version_parse(span_of(s->version, s->version_len));
	struct endpoint ep = s->from;
	char *colon;

	endpoint_to_text(&ep, text);
	colon = strrchr(text, ':');
	if (colon)
		*colon = 0;
	fprintf(csv, "%s,%s,%u,%s\n", nodekey_to_hex(&s->key, id), text, ep.port,
		krpc_version_text(&v, version));
}

static int put(struct wire *w, const struct sighting *list, unsigned count)
{
	for (unsigned i = 0; w->csv && i < count; i++)
		if (list[i].way == SIGHTING_ANSWERED &&
		    !(list[i].flags & (SIGHTING_FINAL | SIGHTING_SURVEYED | SIGHTING_SECOND_PORT)))
			csv_row(w->csv, &list[i]);
	if (w->talk->saw)
		w->talk->saw(w->talk->ctx, list, count, w->geo);
	return w->writer ? store_writer_put(w->writer, list, count) : 0;
}

int wire_put(void *ctx, const struct sighting *list, unsigned count)
{
	struct wire *w = ctx;
	int rc;

	pthread_mutex_lock(w->sink_lock);
	rc = put(w, list, count);
	pthread_mutex_unlock(w->sink_lock);
	return rc;
}

int wire_list(void *ctx, const struct listing *list, unsigned count)
{
	struct wire *w = ctx;
	int rc;

	pthread_mutex_lock(w->sink_lock);
	rc = store_writer_list(w->writer, list, count);
	pthread_mutex_unlock(w->sink_lock);
	return rc;
}

/* A table that nobody reads any more is no reason to lose the store that is being made. */
static int flush_csv(struct wire *w)
{
	return w->store ? cli_flush_beside(&w->csv) : cli_flush(w->csv);
}

static int flush(struct wire *w)
{
	int rc = w->csv ? flush_csv(w) : 0;

	if (rc < 0)
		return rc;
	/* Relaxed: read by the monitor after it waited for this call. */
	if (w->csv && w->csv != stdout)
		__atomic_store_n(&w->csv_kept, (uint64_t)ftello(w->csv), __ATOMIC_RELAXED);
	return w->writer ? store_writer_flush(w->writer) : 0;
}

int wire_flush(void *ctx)
{
	struct wire *w = ctx;
	int rc;

	pthread_mutex_lock(w->sink_lock);
	rc = flush(w);
	pthread_mutex_unlock(w->sink_lock);
	return rc;
}

/* What the checkpoint covers stays, the rest will be said again. */
static int go_on_with_csv(struct wire *w)
{
	int err = 0;

	w->csv = fopen(w->c->nodes_csv, "r+e");
	if (!w->csv || ftruncate(fileno(w->csv), (off_t)w->csv_kept) || fseeko(w->csv, 0, SEEK_END))
		err = -errno;
	if (err)
		cli_fail("%s: %s; cure: another --nodes-csv, which will hold what is found from "
			 "now on",
			 w->c->nodes_csv, dt_strerror(err));
	return err;
}

int wire_open_csv(struct wire *w)
{
	if (!w->c->nodes_csv[0])
		return 0;
	if (w->csv_kept && strcmp(w->c->nodes_csv, "-") != 0)
		return go_on_with_csv(w);
	w->csv = strcmp(w->c->nodes_csv, "-") ? fopen(w->c->nodes_csv, "we") : stdout;
	if (!w->csv) {
		int err = -errno;

		cli_fail("%s: %s", w->c->nodes_csv, dt_strerror(err));
		return err;
	}
	fprintf(w->csv, "id,ip,port,version\n");
	return 0;
}

int wire_open_bad(struct wire *w)
{
	int rc = w->c->keep_bad[0] ? bad_open(w->c->keep_bad, &w->bad) : 0;

	if (rc < 0)
		cli_fail("%s: %s", w->c->keep_bad, dt_strerror(rc));
	return rc;
}

int wire_open_mirror(struct wire *w)
{
	char why[MIRROR_WHY_MAX];
	int rc = 0;

	if (w->c->pcap[0])
		rc = mirror_open(w->c->pcap, &w->clock, &w->mirror, why);
	if (rc < 0)
		cli_fail("pcap: %s", *why ? why : dt_strerror(rc));
	if (rc >= 0 && w->mirror && w->device) {
		w->mirrored = mirror_around(w->mirror, w->device);
		rc = w->mirrored ? 0 : -ENOMEM;
	}
	return rc;
}

/* After the devices. */
void wire_close_mirror(struct wire *w)
{
	struct mirror_stats st;
	bool any = w->mirror != NULL;

	net_close(w->mirrored);
	if (mirror_close(w->mirror, &st) < 0)
		cli_say("%s: not everything could be written", w->c->pcap);
	if (any)
		cli_say("%s: %llu packets%s", w->c->pcap, (unsigned long long)st.packets,
			st.dropped ? "" : ", all there were");
	if (any && st.dropped)
		cli_say("%s: %llu packets found no room and are missing; cure: a faster disk, or a "
			"lower --rate",
			w->c->pcap, (unsigned long long)st.dropped);
	w->mirror = NULL;
	w->mirrored = NULL;
}

void wire_store_fail(const struct wire *w, int rc)
{
	cli_fail("%s: %s%s", w->c->store, dt_strerror(rc),
		 rc == DT_ENOSPACE || rc == -ENOSPC
			 ? "; what was committed is kept, and 512 MiB stay free on its disk; "
			   "cure: make room there, or --store DIR on another disk"
		 : rc == DT_EFULL ? "; its nodes alone are at its cap; cure: a greater "
				    "--disk-cap-bytes, or a new --store"
				  : "");
}

int wire_open_store(struct wire *w)
{
	struct store_writer_opts opts = { .geo = w->geo,
					  .bucket_s = (unsigned)w->c->bucket_s,
					  .disk_cap_bytes = w->c->disk_cap_bytes,
					  .retain_s = (uint64_t)(w->c->retain_days * 86400),
					  .note = cli_note };
	char why[256] = "";
	int rc;

	if (!w->c->store[0])
		return 0;
	rc = store_open(w->c->store, STORE_CREATE, &w->store, why);
	if (rc < 0) {
		cli_fail("%s", *why ? why : dt_strerror(rc));
		return rc;
	}
	if (*why)
		cli_say("note: %s", why);
	rc = store_writer_new(w->store, &opts, &w->writer);
	if (rc >= 0)
		rc = store_writer_room(w->writer);
	if (rc < 0)
		wire_store_fail(w, rc);
	return rc;
}

int wire_begin_epoch(struct wire *w)
{
	uint64_t now_s = clock_wall_ns(&w->clock, clock_now_ns(&w->clock)) / 1000000000;
	int rc;

	if (!w->store)
		return 0;
	if (w->resume && checkpoint_head(w->resume)->workers)
		rc = store_epoch_reopen(w->store, w->epoch);
	else
		rc = store_epoch_begin(w->store, now_s, w->c->sim != 0, &w->epoch);
	if (rc < 0)
		wire_store_fail(w, rc);
	return rc;
}

int wire_seal(struct wire *w, const struct wire_result *r)
{
	/* The second in which it ended is still its own: nodes were heard in it. */
	uint64_t end_s = (r->engine.started_ms + r->engine.elapsed_ns / 1000000 + 999) / 1000;
	int rc;

	if (!w->store)
		return 0;
	rc = store_epoch_end(w->store, w->epoch, end_s, r->report_json, strlen(r->report_json));
	if (rc >= 0)
		rc = store_compact(w->store);
	if (rc < 0)
		wire_store_fail(w, rc);
	return rc;
}
