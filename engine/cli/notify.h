/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_NOTIFY_H
#define ENGINE_CLI_NOTIFY_H

#include <stdint.h>

/**
 * DOC: words to the service manager that started us (systemd's Type=notify): a datagram
 * to the socket that $NOTIFY_SOCKET names. Without one every call does nothing.
 *
 * Source: sd_notify(3), "NOTES": the protocol is stable.
 */

/** notify_say() - "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; several with newlines. */
void notify_say(const char *words);

/** notify_watchdog_ms() - how often WATCHDOG=1 is due at the latest, halved; 0 = never. */
unsigned notify_watchdog_ms(void);

#endif
