/* SPDX-License-Identifier: MIT */
#include "engine/capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pcap/pcap.h>

/*
 * DOC: the one file that reads by libpcap.
 *
 * No immediate mode: it would quietly take TPACKET_V2, a frame per slot. The
 * handles are not blocking; who finds nothing polls, so that a stop is seen.
 * PACKET_FANOUT is not in libpcap's interface; it is set on its socket, after
 * activation, as its authors do.
 */

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { FILE_BUFFER_BYTES = 1 << 17 /* a system call per 500 frames, not per 15; fits the cache */ };

struct capture {
	pcap_t *pcap;
	enum frame_link link;
	bool live;
	capture_fn *fn; /* of the read under way */
	void *ctx;
	uint32_t seen_received, seen_dropped, seen_if_dropped; /* libpcap's, at the last look */
	struct capture_stats stats;
};

static int set_filter(struct capture *c, const char *filter, char *why)
{
	struct bpf_program program;
	int rc;

	if (!filter || !filter[0])
		return 0;
	if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(why, CAPTURE_WHY_MAX, "filter: %s; see pcap-filter(7)",
			 pcap_geterr(c->pcap));
		return DT_EMALF;
	}
	rc = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	if (rc)
		snprintf(why, CAPTURE_WHY_MAX, "filter: %s", pcap_geterr(c->pcap));
	return rc ? DT_EMALF : 0;
}

static int set_link(struct capture *c, const char *name, char *why)
{
	int dlt = pcap_datalink(c->pcap);

	if (frame_link_from_dlt(dlt, &c->link) == 0)
		return 0;
	snprintf(why, CAPTURE_WHY_MAX,
		 "%s: link type %s is not one of ethernet, Linux cooked, raw IP, loopback, ppp, "
		 "pppoe",
		 name, pcap_datalink_val_to_name(dlt) ? pcap_datalink_val_to_name(dlt) : "unknown");
	return DT_EUNSUPPORTED;
}

/* ---- files --------------------------------------------------------------------- */

static FILE *open_stream(const char *path)
{
	if (strcmp(path, "-") != 0)
		return fopen(path, "re");
	if (isatty(STDIN_FILENO)) {
		errno = ENODATA;
		return NULL;
	}
	return fdopen(dup(STDIN_FILENO), "r");
}

int capture_open_file(const char *path, const char *filter, struct capture **out,
		      char why[static CAPTURE_WHY_MAX])
{
	struct capture *c = calloc(1, sizeof(*c));
	char err[PCAP_ERRBUF_SIZE] = "";
	FILE *f;
	int rc;

	if (!c)
		return -ENOMEM;
	f = open_stream(path);
	if (!f) {
		rc = -errno;
		snprintf(why, CAPTURE_WHY_MAX, "%s: %s", path,
			 rc == -ENODATA ? "standard input is a terminal; give it a capture"
					: strerror(-rc));
		free(c);
		return rc;
	}
	(void)__fsetlocking(f, FSETLOCKING_BYCALLER); /* nobody else has it: no lock per read */
	(void)setvbuf(f, NULL, _IOFBF, FILE_BUFFER_BYTES);
	c->pcap = pcap_fopen_offline(f, err);
	if (!c->pcap) {
		snprintf(why, CAPTURE_WHY_MAX, "%s: no pcap or pcapng file: %.150s", path, err);
		fclose(f);
		free(c);
		return DT_EFOREIGN;
	}
	rc = set_link(c, path, why);
	if (rc >= 0)
		rc = set_filter(c, filter, why);
	if (rc < 0) {
		capture_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

/* ---- devices ------------------------------------------------------------------- */

const char *capture_filter(const uint16_t *ports, unsigned count,
			   char out[static CAPTURE_FILTER_MAX])
{
	char some[CAPTURE_FILTER_MAX / 3];
	size_t at = 0;

	for (unsigned i = 0; i < count && at < sizeof(some); i++)
		at += (size_t)snprintf(some + at, sizeof(some) - at, "%sudp port %u",
				       i ? " or " : "", ports[i]);
	if (count == 0 || at >= sizeof(some)) /* of so many ports the tap itself picks */
		snprintf(some, sizeof(some), "udp");
	/* Later fragments have no ports; "vlan" moves all that stands behind it by four bytes. */
	snprintf(out, CAPTURE_FILTER_MAX,
		 "%s or (ip proto 17 and ip[6:2] & 0x1fff != 0) or ip6 proto 44 or (vlan and (%s))",
		 some, some);
	return out;
}

static int set_packet(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) ? -errno : 0;
}

static int activation(struct capture *c, const char *device, int rc, char *why)
{
	const char *cure = "";

	if (rc >= 0) /* warnings are not fatal: promiscuity refused, say */
		return 0;
	if (rc == PCAP_ERROR_PERM_DENIED)
		cure = "; cure: run it as root, or  setcap cap_net_raw+ep dht-telescope";
	else if (rc == PCAP_ERROR_NO_SUCH_DEVICE)
		cure = "; cure: a name that  ip link  lists, or any";
	else if (rc == PCAP_ERROR_IFACE_NOT_UP)
		cure = "; cure: ip link set DEVICE up";
	snprintf(why, CAPTURE_WHY_MAX, "%s: %s%s", device, pcap_statustostr(rc), cure);
	if (rc == PCAP_ERROR && pcap_geterr(c->pcap)[0])
		snprintf(why, CAPTURE_WHY_MAX, "%s: %.180s", device, pcap_geterr(c->pcap));
	return rc == PCAP_ERROR_PERM_DENIED      ? -EPERM
	       : rc == PCAP_ERROR_NO_SUCH_DEVICE ? -ENODEV
						 : -EIO;
}

static int activate(struct capture *c, const struct capture_live *o, char *why)
{
	size_t bytes = o->buffer_bytes ? o->buffer_bytes : CAPTURE_BUFFER_BYTES;

	pcap_set_snaplen(c->pcap, CAPTURE_SNAP_BYTES);
	pcap_set_promisc(c->pcap, o->promiscuous);
	pcap_set_timeout(c->pcap, CAPTURE_TIMEOUT_MS);
	pcap_set_buffer_size(c->pcap, bytes > INT32_MAX ? INT32_MAX : (int)bytes);
	return activation(c, o->device, pcap_activate(c->pcap), why);
}

/* @group: the same for all handles of this device, of this process. */
static int join(struct capture *c, const struct capture_live *o, unsigned group, char *why)
{
	int fd = pcap_fileno(c->pcap), rc = 0;

	if (o->ignore_outgoing && set_packet(fd, PACKET_IGNORE_OUTGOING, 1))
		snprintf(why, CAPTURE_WHY_MAX,
			 "%s: this kernel cannot leave out what is sent (before 4.20)", o->device);
	if (o->queues > 1)
		rc = set_packet(fd, PACKET_FANOUT, (int)(group | PACKET_FANOUT_HASH << 16));
	if (rc)
		snprintf(why, CAPTURE_WHY_MAX, "%s: %u queues: %s; cure: --queues 1", o->device,
			 o->queues, strerror(-rc));
	return rc;
}

static int open_queue(const struct capture_live *o, unsigned group, struct capture **out, char *why)
{
	struct capture *c = calloc(1, sizeof(*c));
	char err[PCAP_ERRBUF_SIZE] = "", filter[CAPTURE_FILTER_MAX];
	int rc;

	if (!c)
		return -ENOMEM;
	c->live = true;
	c->pcap = pcap_create(o->device, err);
	if (!c->pcap) {
		snprintf(why, CAPTURE_WHY_MAX, "%s: %.200s", o->device, err);
		free(c);
		return -ENODEV;
	}
	rc = activate(c, o, why);
	if (rc >= 0)
		rc = set_link(c, o->device, why);
	if (rc >= 0)
		rc = set_filter(c, o->filter ? o->filter : capture_filter(NULL, 0, filter), why);
	if (rc >= 0)
		rc = join(c, o, group, why);
	if (rc >= 0 && pcap_setnonblock(c->pcap, 1, err)) {
		snprintf(why, CAPTURE_WHY_MAX, "%s: %.200s", o->device, err);
		rc = -EIO;
	}
	if (rc < 0) {
		capture_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

int capture_open_live(const struct capture_live *opts, struct capture **out,
		      char why[static CAPTURE_WHY_MAX])
{
	unsigned group = (unsigned)getpid() & 0xffff;
	int rc = 0;

	if (opts->queues < 1 || opts->queues > CAPTURE_QUEUES_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < opts->queues; i++) {
		rc = open_queue(opts, group, &out[i], why);
		if (rc >= 0)
			continue;
		while (i-- > 0)
			capture_close(out[i]);
		break;
	}
	return rc;
}

/* ---- reading -------------------------------------------------------------------- */

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct capture *c = (struct capture *)user;
	struct tap_packet p = {
		.when_us = (uint64_t)h->ts.tv_sec * 1000000 + (uint64_t)h->ts.tv_usec,
		.bytes = span_of(bytes, h->caplen),
		.wire_len = h->len > h->caplen ? h->len : h->caplen,
		.link = c->link,
	};

	c->fn(c->ctx, &p);
}

/* libpcap tells a file that was cut from one that went bad by its words alone. */
static int file_error(struct capture *c)
{
	return strstr(pcap_geterr(c->pcap), "truncated") ? DT_ESHORT : DT_EMALF;
}

int capture_read(struct capture *c, unsigned max, capture_fn *fn, void *ctx)
{
	int n;

	c->fn = fn;
	c->ctx = ctx;
	n = pcap_dispatch(c->pcap, (int)max, on_frame, (u_char *)c);
	if (n > 0 || (n == 0 && c->live))
		return n;
	if (n == 0)
		return DT_ENOTFOUND;
	return c->live ? -EIO : file_error(c);
}

void capture_wait(struct capture *c, unsigned ms)
{
	struct pollfd p = { .fd = pcap_get_selectable_fd(c->pcap), .events = POLLIN };

	if (p.fd >= 0)
		(void)poll(&p, 1, (int)ms);
}

const char *capture_error(struct capture *c)
{
	return pcap_geterr(c->pcap);
}

enum frame_link capture_link(const struct capture *c)
{
	return c->link;
}

void capture_stats(struct capture *c, struct capture_stats *out)
{
	struct pcap_stat st;

	if (c->live && pcap_stats(c->pcap, &st) == 0) {
		c->stats.received += (uint32_t)(st.ps_recv - c->seen_received);
		c->stats.dropped += (uint32_t)(st.ps_drop - c->seen_dropped);
		c->stats.if_dropped += (uint32_t)(st.ps_ifdrop - c->seen_if_dropped);
		c->seen_received = st.ps_recv;
		c->seen_dropped = st.ps_drop;
		c->seen_if_dropped = st.ps_ifdrop;
	}
	*out = c->stats;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	pcap_close(c->pcap);
	free(c);
}
