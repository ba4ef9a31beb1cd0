/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_KERNEL_H
#define ENGINE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "proto/err.h"
#include "proto/span.h"

/**
 * DOC: what the kernel says of our packets, as the other half of the accounts.
 * The UDP counters are those of the network namespace, other programs' packets
 * with them; the drops are of our own sockets.
 */

/** kernel_read() - now; @fds: our sockets. What cannot be read stays 0. */
void kernel_read(const int *fds, unsigned count, struct engine_kernel *out);

/** kernel_since() - @now less @start, each counter. */
struct engine_kernel kernel_since(const struct engine_kernel *now,
				  const struct engine_kernel *start);

/**
 * kernel_parse_snmp() - add the Udp counters of /proc/net/snmp's text to @out.
 * Names are looked up, so that a kernel with more or other columns is read too.
 */
void kernel_parse_snmp(struct span text, struct engine_kernel *out);

/** kernel_parse_snmp6() - the same for /proc/net/snmp6, a name and a value a line. */
void kernel_parse_snmp6(struct span text, struct engine_kernel *out);

/** kernel_parse_softnet() - add columns 2 (dropped) and 3 (squeezed) of /proc/net/softnet_stat,
 * hexadecimal. */
void kernel_parse_softnet(struct span text, struct engine_kernel *out);

enum { KERNEL_SYSCTL_MAX = 64 };

/** kernel_sysctl() - e.g. "net.core.rmem_max" as text. Errors: -errno. */
int kernel_sysctl(const char *name, char out[static KERNEL_SYSCTL_MAX]) DT_MUST;

#endif
