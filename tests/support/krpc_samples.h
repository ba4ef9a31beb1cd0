/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_KRPC_SAMPLES_H
#define TESTS_SUPPORT_KRPC_SAMPLES_H

#include "proto/krpc.h"

/**
 * DOC: datagrams as third-party nodes send them (libtorrent 2.0.8,
 * bittorrent-dht 11, jech/dht, transmission 3.00, aria2 1.36, rtorrent 0.9.8,
 * mldht, bootstrap-dht), and bad ones, each with what krpc_parse() must say.
 * Ids and addresses are made up; lengths, keys and their order are theirs.
 */
struct krpc_sample {
	const char *name;
	struct span bytes;
	int err; /* 0, or the dt_err it must be refused with; then nothing below counts */
	enum krpc_kind kind;
	enum krpc_method method;
	unsigned nodes, nodes6, values, samples; /* how many */
	unsigned t_len, v_len, token_len;        /* 0: empty or absent */
	int error_code;
	int64_t num; /* 0: absent */
	unsigned odd;
};

/** krpc_samples - ends with a row whose name is NULL. */
extern const struct krpc_sample krpc_samples[];

#endif
