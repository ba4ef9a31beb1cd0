/* SPDX-License-Identifier: MIT */
#include "engine/kernel.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PROC_MAX = 16384 }; /* snmp6 is the longer, some 5 KiB */

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	{ "InDatagrams", offsetof(struct engine_kernel, in_datagrams) },
	{ "InErrors", offsetof(struct engine_kernel, in_errors) },
	{ "RcvbufErrors", offsetof(struct engine_kernel, rcvbuf_errors) },
	{ "OutDatagrams", offsetof(struct engine_kernel, out_datagrams) },
	{ "SndbufErrors", offsetof(struct engine_kernel, sndbuf_errors) },
};

static void add(struct engine_kernel *out, struct span name, uint64_t value)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		if (span_equal(name, span_of(counters[i].name, strlen(counters[i].name))))
			*(uint64_t *)((char *)out + counters[i].offset) += value;
}

/* The next word of @line, which is moved behind it; empty at the end. */
static struct span next_word(struct span *line)
{
	struct span word;
	size_t n = 0;

	while (line->len && (*line->ptr == ' ' || *line->ptr == '\t'))
		*line = span_slice(*line, 1, line->len - 1);
	while (n < line->len && line->ptr[n] != ' ' && line->ptr[n] != '\t')
		n++;
	word = span_slice(*line, 0, n);
	*line = span_slice(*line, n, line->len - n);
	return word;
}

static struct span next_line(struct span *text)
{
	const uint8_t *nl = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
	size_t n = nl ? (size_t)(nl - text->ptr) : text->len;
	struct span line = span_slice(*text, 0, n);

	n += nl != NULL;
	*text = span_slice(*text, n, text->len - n);
	return line;
}

static uint64_t number(struct span word)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.len && word.ptr[i] >= '0' && word.ptr[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(word.ptr[i] - '0');
	return v;
}

/* "Udp: NAME NAME...\nUdp: VALUE VALUE...\n" */
void kernel_parse_snmp(struct span text, struct engine_kernel *out)
{
	while (text.len) {
		struct span names = next_line(&text), values;

		if (!span_equal(next_word(&names), SPAN_LIT("Udp:")))
			continue;
		values = next_line(&text);
		next_word(&values);
		while (names.len && values.len) {
			struct span name = next_word(&names);

			add(out, name, number(next_word(&values)));
		}
		return;
	}
}

void kernel_parse_snmp6(struct span text, struct engine_kernel *out)
{
	while (text.len) {
		struct span line = next_line(&text), name = next_word(&line);

		if (name.len > 4 && memcmp(name.ptr, "Udp6", 4) == 0)
			add(out, span_slice(name, 4, name.len - 4), number(next_word(&line)));
	}
}

static uint64_t hexadecimal(struct span word)
{
	uint64_t v = 0;

	for (size_t i = 0; i < word.len; i++) {
		unsigned c = word.ptr[i] | 0x20u;
		unsigned digit = c >= '0' && c <= '9'   ? c - '0'
				 : c >= 'a' && c <= 'f' ? c - 'a' + 10
							: 16;

		if (digit > 15)
			break;
		v = v << 4 | digit;
	}
	return v;
}

/* A line a CPU: processed dropped squeezed ... */
void kernel_parse_softnet(struct span text, struct engine_kernel *out)
{
	while (text.len) {
		struct span line = next_line(&text);

		next_word(&line);
		out->softnet_dropped += hexadecimal(next_word(&line));
		out->softnet_squeezed += hexadecimal(next_word(&line));
	}
}

static struct span read_file(const char *path, char *buf, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f) {
		n = fread(buf, 1, cap, f);
		fclose(f);
	}
	return span_of(buf, n);
}

void kernel_read(const int *fds, unsigned count, struct engine_kernel *out)
{
	char buf[PROC_MAX];

	memset(out, 0, sizeof(*out));
	kernel_parse_snmp(read_file("/proc/net/snmp", buf, sizeof(buf)), out);
	kernel_parse_snmp6(read_file("/proc/net/snmp6", buf, sizeof(buf)), out);
	kernel_parse_softnet(read_file("/proc/net/softnet_stat", buf, sizeof(buf)), out);
	for (unsigned i = 0; i < count; i++) {
		uint32_t info[SK_MEMINFO_VARS] = { 0 };
		socklen_t len = sizeof(info);

		if (getsockopt(fds[i], SOL_SOCKET, SO_MEMINFO, info, &len) == 0)
			out->socket_drops += info[SK_MEMINFO_DROPS];
	}
}

struct engine_kernel kernel_since(const struct engine_kernel *now,
				  const struct engine_kernel *start)
{
	return (struct engine_kernel){
		.in_datagrams = now->in_datagrams - start->in_datagrams,
		.in_errors = now->in_errors - start->in_errors,
		.rcvbuf_errors = now->rcvbuf_errors - start->rcvbuf_errors,
		.out_datagrams = now->out_datagrams - start->out_datagrams,
		.sndbuf_errors = now->sndbuf_errors - start->sndbuf_errors,
		.socket_drops = now->socket_drops - start->socket_drops,
		.softnet_dropped = now->softnet_dropped - start->softnet_dropped,
		.softnet_squeezed = now->softnet_squeezed - start->softnet_squeezed,
	};
}

int kernel_sysctl(const char *name, char out[static KERNEL_SYSCTL_MAX])
{
	char path[128];
	struct span text;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	for (char *p = path + 10; *p; p++)
		if (*p == '.')
			*p = '/';
	errno = 0;
	text = read_file(path, out, KERNEL_SYSCTL_MAX - 1);
	if (text.len == 0)
		return errno ? -errno : -ENOENT;
	out[text.len] = '\0';
	out[strcspn(out, "\n")] = '\0';
	for (char *p = out; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return 0;
}
