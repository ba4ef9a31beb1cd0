/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_CLI_DOCTOR_WIRE_H
#define ENGINE_CLI_DOCTOR_WIRE_H

/**
 * DOC: doctor's look at the wire: whether raw frames have a way, and on which cores
 * the kernel's receive work runs.
 */

enum doctor_level { DOCTOR_FIT, DOCTOR_NOTE };

/** doctor_say - one line; the thing, then what is to be said of it. */
typedef void doctor_say(void *ctx, enum doctor_level level, const char *thing, const char *text);

/** doctor_wire() - says what it finds; sends nothing. */
void doctor_wire(doctor_say *say, void *ctx);

#endif
