/* SPDX-License-Identifier: MIT */
#ifndef PROTO_ERR_H
#define PROTO_ERR_H

/**
 * DOC: one error space for the whole program.
 *
 * A fallible function returns an int: >= 0 is success or a count, negative is
 * an error. System errors travel as -errno (-1 .. -999); our own begin at
 * -1000, so both fit one int and dt_strerror() can name either. LMDB and
 * libmaxminddb codes are translated in the one file that includes them.
 */

#define DT_MUST __attribute__((warn_unused_result))
#define DT_PURE __attribute__((pure))

enum dt_err {
	DT_ESHORT = -1000,       /* input ends before the value does */
	DT_EMALF = -1001,        /* not the grammar it should be */
	DT_EDEPTH = -1002,       /* nested deeper than the reader's bound */
	DT_ETOKENS = -1003,      /* more tokens than the reader's bound */
	DT_ESIZE = -1004,        /* a length that the field cannot have */
	DT_ERANGE = -1005,       /* a number outside what the field allows */
	DT_EMISSING = -1006,     /* a key that must be there is not */
	DT_EKIND = -1007,        /* well formed, but not a message we know */
	DT_EFULL = -1008,        /* a bounded container has no room left */
	DT_ENOTFOUND = -1009,    /* looked up, not there */
	DT_EFOREIGN = -1010,     /* a file that is not ours, or of an unknown schema */
	DT_ENEWER = -1011,       /* a file written by a newer version */
	DT_ECORRUPT = -1012,     /* a file of ours that breaks its own invariants */
	DT_EREFUSED = -1013,     /* policy says no (gate, blocklist, conduct) */
	DT_EUNSUPPORTED = -1014, /* this kernel, device or build cannot do it */
	DT_ENOSPACE = -1015,     /* disk or map full: nothing half written */
};

/**
 * dt_strerror() - a short lower-case phrase for any error of this program.
 * @err: a negative dt_err or -errno; 0 and positive give "ok".
 *
 * Owns:    a string constant; never NULL, never to be freed.
 * Threads: pure.
 */
const char *dt_strerror(int err);

#endif
