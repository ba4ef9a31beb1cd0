/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "store/epoch.h"
#include "store/record.h"
#include "tests/fuzz/fuzz.h"

/*
 * The first byte picks what the rest is read as. What is taken is written again
 * as the very same bytes; what is refused has a reason.
 */

static void check_record(struct span in)
{
	uint8_t again[RECORD_BYTES];
	struct geo_place place;
	struct record r;
	int rc = record_decode(in, &r);

	if (rc < 0) {
		FUZZ_HOLDS(rc == DT_ESIZE || rc == DT_ENEWER || rc == DT_ECORRUPT);
		return;
	}
	FUZZ_HOLDS(r.version_len <= sizeof(r.version) && r.rtt_us <= RECORD_RTT_MAX_US);
	record_encode(&r, again);
	FUZZ_HOLDS(span_equal(in, span_of(again, sizeof(again))));
	record_place_expand(&r.place, &place);
	FUZZ_HOLDS(place.lat >= -90 && place.lat <= 90);
	FUZZ_HOLDS(place.lon >= -180 && place.lon <= 180);
	FUZZ_HOLDS(place.radius_km >= 0 && place.radius_km < 20000);
}

static void check_contact(struct span in)
{
	uint8_t again[RECORD_CONTACT_BYTES];
	struct record_contact c;
	int rc = record_contact_decode(in, &c);

	if (rc < 0) {
		FUZZ_HOLDS(rc == DT_ESIZE || rc == DT_ENEWER || rc == DT_ECORRUPT);
		return;
	}
	record_contact_encode(&c, again);
	FUZZ_HOLDS(span_equal(in, span_of(again, sizeof(again))));
}

static void check_key(struct span in)
{
	uint8_t again[RECORD_KEY_MAX];
	struct endpoint ep;
	struct nodeid id;
	int rc = record_key_decode(in, &id, &ep);

	if (rc < 0) {
		FUZZ_HOLDS(rc == DT_ESIZE || rc == DT_ECORRUPT);
		return;
	}
	FUZZ_HOLDS(span_equal(in, span_of(again, record_key(&id, &ep, again))));
}

static void check_epoch(struct span in)
{
	struct span key = span_slice(in, 0, EPOCH_KEY_BYTES);
	struct span val = in.len > EPOCH_KEY_BYTES
				  ? span_slice(in, EPOCH_KEY_BYTES, in.len - EPOCH_KEY_BYTES)
				  : (struct span){ NULL, 0 };
	struct epoch_row row;
	uint8_t *again;
	size_t len;
	int rc = epoch_decode(key, val, &row);

	if (rc < 0) {
		FUZZ_HOLDS(rc == DT_ESIZE || rc == DT_ENEWER || rc == DT_ECORRUPT);
		return;
	}
	FUZZ_HOLDS(fuzz_inside(in, row.report) && fuzz_inside(in, row.geo));
	FUZZ_HOLDS(row.report.len == row.epoch.report_bytes);
	FUZZ_HOLDS(epoch_encode(&row, &again, &len) == 0);
	FUZZ_HOLDS(len == val.len);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = size ? span_of(data + 1, size - 1) : (struct span){ NULL, 0 };

	switch (size ? data[0] % 4 : 0) {
	case 0:
		check_record(in);
		break;
	case 1:
		check_contact(in);
		break;
	case 2:
		check_key(in);
		break;
	default:
		check_epoch(in);
	}
	return 0;
}
