/* SPDX-License-Identifier: MIT */
#include "engine/xdp_prog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "engine/udp4.h"

enum {
	INSNS_MAX = 64,
	JUMPS_MAX = 16,
	IP_AT = UDP4_ETH_BYTES,
	UDP_AT = UDP4_ETH_BYTES + UDP4_IP_BYTES,
};

/* A program as it grows; jumps to "pass" are mended at the end. */
struct asm_buf {
	struct bpf_insn at[INSNS_MAX];
	unsigned len, jumps;
	unsigned jump[JUMPS_MAX];
};

static void emit(struct asm_buf *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	struct bpf_insn *i = &b->at[b->len++];

	*i = (struct bpf_insn){ .code = code, .off = off, .imm = imm };
	i->dst_reg = dst & 15u;
	i->src_reg = src & 15u;
}

/* The packet's byte @off (register 2 points at it) must be @want under @mask; else pass. */
static void expect(struct asm_buf *b, uint8_t size, int16_t off, uint32_t mask, uint32_t want)
{
	emit(b, BPF_LDX | BPF_MEM | size, BPF_REG_5, BPF_REG_2, off, 0);
	if (mask != ~0u)
		emit(b, BPF_ALU | BPF_AND | BPF_K, BPF_REG_5, 0, 0, (int32_t)mask);
	b->jump[b->jumps++] = b->len;
	emit(b, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)want);
}

static void expect_headers(struct asm_buf *b, const struct xdp_filter *f)
{
	emit(b, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct xdp_md, data), 0);
	emit(b, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct xdp_md, data_end),
	     0);
	emit(b, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_2, 0, 0);
	emit(b, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, UDP4_HEAD_BYTES);
	b->jump[b->jumps++] = b->len;
	emit(b, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, 0, 0);
	expect(b, BPF_H, 12, ~0u, htons(0x0800));
	expect(b, BPF_B, IP_AT, ~0u, 0x45);
	expect(b, BPF_B, IP_AT + 9, ~0u, 17);
	expect(b, BPF_H, IP_AT + 6, htons(0x3fff), 0);
	expect(b, BPF_W, IP_AT + 16, htonl(f->to_mask), htonl(f->to_ip & f->to_mask));
}

static void expect_ports(struct asm_buf *b, const struct xdp_filter *f)
{
	if (f->ports == 0)
		return;
	emit(b, BPF_LDX | BPF_MEM | BPF_H, BPF_REG_5, BPF_REG_2, UDP_AT + 2, 0);
	/* Each match jumps over the tests that are left and the jump behind them. */
	for (unsigned i = 0; i < f->ports; i++)
		emit(b, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_5, 0, (int16_t)(f->ports - i),
		     htons(f->port[i]));
	b->jump[b->jumps++] = b->len;
	emit(b, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void write_program(struct asm_buf *b, const struct xdp_filter *f, int map_fd)
{
	memset(b, 0, sizeof(*b));
	expect_headers(b, f);
	expect_ports(b, f);
	/* return bpf_redirect_map(map, ctx->rx_queue_index, XDP_PASS where no socket is) */
	emit(b, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	     offsetof(struct xdp_md, rx_queue_index), 0);
	emit(b, BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd);
	emit(b, 0, 0, 0, 0, 0);
	emit(b, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS);
	emit(b, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map);
	emit(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (unsigned i = 0; i < b->jumps; i++)
		b->at[b->jump[i]].off = (int16_t)(b->len - b->jump[i] - 1);
	emit(b, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS);
	emit(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int explain(int err, const char *what, char *why)
{
	const char *cure = "--backend packet";

	if (err == -EPERM || err == -EACCES)
		cure = "run as root (CAP_BPF and CAP_NET_ADMIN), or --backend uring";
	else if (err == -EBUSY || err == -EEXIST)
		cure = "another XDP program is on this interface: ip link set IF xdp off, or "
		       "--backend packet";
	snprintf(why, XDP_PROG_WHY_MAX, "%s: %s; cure: %s", what, dt_strerror(err), cure);
	return DT_EUNSUPPORTED;
}

int xdp_prog_open(int ifindex, bool native, const struct xdp_filter *f, struct xdp_prog *out,
		  char why[static XDP_PROG_WHY_MAX])
{
	struct bpf_link_create_opts link = { .sz = sizeof(link),
					     .flags = native ? XDP_FLAGS_DRV_MODE
							     : XDP_FLAGS_SKB_MODE };
	struct xdp_prog p = { -1, -1, -1 };
	struct asm_buf b;
	int err;

	p.map_fd = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "dt_xsks", sizeof(uint32_t), sizeof(int),
				  XDP_PROG_QUEUES_MAX, NULL);
	if (p.map_fd < 0)
		return explain(p.map_fd, "a BPF map cannot be made", why);
	write_program(&b, f, p.map_fd);
	p.prog_fd =
		bpf_prog_load(BPF_PROG_TYPE_XDP, "dt_redirect", "Dual MIT/GPL", b.at, b.len, NULL);
	if (p.prog_fd < 0) {
		err = explain(p.prog_fd, "the XDP program was refused", why);
		xdp_prog_close(&p);
		return err;
	}
	p.link_fd = bpf_link_create(p.prog_fd, ifindex, BPF_XDP, &link);
	if (p.link_fd < 0) {
		err = explain(p.link_fd, "the XDP program cannot be attached", why);
		xdp_prog_close(&p);
		return err;
	}
	*out = p;
	return 0;
}

int xdp_prog_set(const struct xdp_prog *p, uint32_t queue, int fd)
{
	if (queue >= XDP_PROG_QUEUES_MAX)
		return -ERANGE;
	return bpf_map_update_elem(p->map_fd, &queue, &fd, 0);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void xdp_prog_close(struct xdp_prog *p)
{
	shut(&p->link_fd);
	shut(&p->prog_fd);
	shut(&p->map_fd);
}
