/* SPDX-License-Identifier: MIT */
/**
 * DOC: is this machine fit for a census? One line for each thing that has cost
 * somebody a census before, with the cure. Sends nothing.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "engine/cli/cli.h"
#include "engine/cli/doctor_wire.h"
#include "engine/cpu.h"
#include "engine/net.h"
#include "engine/vantage.h"
#include "store/geo.h"

enum level { FIT, NOTE, UNFIT };

struct doctor {
	unsigned count[3];
};

static void say(struct doctor *d, enum level level, const char *thing, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(struct doctor *d, enum level level, const char *thing, const char *fmt, ...)
{
	static const char *const mark[] = { "ok   ", "note ", "UNFIT" };
	va_list ap;

	d->count[level]++;
	printf("%s  %-14s ", mark[level], thing);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* The first number of a /proc file, or -1. */
static long long proc_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long long v = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%lld", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

static void check_device(struct doctor *d)
{
	struct net_udp_opts opts = { .bind = endpoint_ip4(INADDR_LOOPBACK, 0), .workers = 1 };
	struct net_group *g;
	const char *why = "";
	struct net *net;
	size_t granted;
	int rc = net_group_open(&opts, &g);

	if (rc < 0) {
		say(d, UNFIT, "sockets", "a UDP socket on 127.0.0.1 cannot be had: %s",
		    dt_strerror(rc));
		return;
	}
	rc = net_uring_open(g, 0, &net, &why);
	if (rc < 0)
		say(d, NOTE, "io_uring",
		    "refused (%s): the mmsg back end serves; cure: sysctl "
		    "kernel.io_uring_disabled=0, "
		    "or a container profile that allows io_uring_setup",
		    why && *why ? why : dt_strerror(rc));
	else
		say(d, FIT, "io_uring", "accepted with every feature the engine asks for");
	if (rc >= 0)
		net_close(net);
	granted = net_group_rcvbuf(g) / 2; /* the kernel doubles what it grants */
	if (granted >= 64u << 20)
		say(d, FIT, "receive buffer", "%zu MiB granted", granted >> 20);
	else
		say(d, NOTE, "receive buffer",
		    "%zu KiB granted of 64 MiB: bursts will be dropped above about 50 k packets/s; "
		    "cure: run with CAP_NET_ADMIN, or sysctl -w net.core.rmem_max=67108864",
		    granted >> 10);
	net_group_close(g);
}

static void check_limits(struct doctor *d)
{
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		if (lim.rlim_cur >= 1024)
			say(d, FIT, "open files", "%llu", (unsigned long long)lim.rlim_cur);
		else
			say(d, NOTE, "open files", "%llu; cure: ulimit -n 1024",
			    (unsigned long long)lim.rlim_cur);
	}
	if (!getrlimit(RLIMIT_AS, &lim) && lim.rlim_cur != RLIM_INFINITY)
		say(d, NOTE, "address space",
		    "limited to %llu GiB: the store maps less; cure: ulimit -v unlimited",
		    (unsigned long long)(lim.rlim_cur >> 30));
	say(d, FIT, "cores", "%u usable: as many workers by default", cpu_usable());
}

static void check_conntrack(struct doctor *d)
{
	long long max = proc_number("/proc/sys/net/netfilter/nf_conntrack_max");
	long long now = proc_number("/proc/sys/net/netfilter/nf_conntrack_count");

	if (max < 0)
		say(d, FIT, "conntrack", "not loaded: the kernel keeps no entry per contact");
	else
		say(d, NOTE, "conntrack",
		    "table of %lld, %lld used: every contact takes an entry for 30 s; cure: "
		    "iptables -t raw "
		    "-A OUTPUT -p udp --sport PORT -j NOTRACK, and -A PREROUTING -p udp --dport "
		    "PORT "
		    "-j NOTRACK",
		    max, now);
}

struct vantage_look {
	struct doctor *doctor;
	unsigned seen;
};

static void look_at_address(void *ctx, const char *device, const struct endpoint *ep)
{
	struct vantage_look *l = ctx;
	struct doctor *d = l->doctor;
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, ep->addr + 12, text, sizeof(text));
	l->seen++;
	if (vantage_is_dark(ep))
		say(d, UNFIT, "vantage",
		    "%s on %s: most nodes drop packets from %u/8 (libtorrent's "
		    "ignore_dark_internet); cure: another address",
		    text, device, ep->addr[12]);
	else if (!vantage_is_public(ep))
		say(d, NOTE, "vantage",
		    "%s on %s is not a public address: a NAT stands between, and its table is a "
		    "limit; keep the rate low. A census says under which address it was seen",
		    text, device);
	else
		say(d, FIT, "vantage", "%s on %s", text, device);
}

static void check_vantage(struct doctor *d)
{
	struct vantage_look l = { .doctor = d };

	if (vantage_local(look_at_address, &l) < 0)
		return;
	if (!l.seen)
		say(d, NOTE, "vantage", "no address but loopback: only --sim will work");
}

static void count_line(void *ctx, const char *line)
{
	(void)ctx;
	printf("       %-14s %s\n", "", line);
}

static void check_geo(struct doctor *d)
{
	struct geo_opts opts = { .search = true };
	struct geo_source sources[8];
	struct geo *geo;
	unsigned n;

	if (geo_open(&opts, count_line, NULL, &geo) < 0)
		return;
	n = geo_sources(geo, sources, 8);
	if (n)
		say(d, FIT, "geo files", "%u found", n);
	else
		say(d, NOTE, "geo files",
		    "none: a census works, its map stays empty; cure: dht-telescope geo fetch");
	geo_close(geo);
}

static void check_disk(struct doctor *d)
{
	enum { NFS = 0x6969, OVERLAY = 0x794c7630 };
	struct statfs fs;

	if (statfs(".", &fs))
		return;
	if (fs.f_type == NFS || fs.f_type == OVERLAY)
		say(d, UNFIT, "store folder",
		    "this folder is on %s, where LMDB may be damaged; cure: --store on a local "
		    "disk",
		    fs.f_type == NFS ? "NFS" : "overlayfs");
	else
		say(d, FIT, "store folder", "%llu GiB free here",
		    (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize >> 30);
}

static void say_wire(void *ctx, enum doctor_level level, const char *thing, const char *text)
{
	say(ctx, level == DOCTOR_FIT ? FIT : NOTE, thing, "%s", text);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		.doc = "Is this machine fit for a census? One line each, with the cure. Sends "
		       "nothing.\v"
		       "Exit status 1 where something is UNFIT.",
	};
	struct doctor d = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	check_device(&d);
	check_limits(&d);
	doctor_wire(say_wire, &d);
	check_conntrack(&d);
	check_vantage(&d);
	check_disk(&d);
	check_geo(&d);
	printf("%u fit, %u to note, %u unfit\n", d.count[FIT], d.count[NOTE], d.count[UNFIT]);
	return d.count[UNFIT] ? CLI_FAILED : CLI_OK;
}
