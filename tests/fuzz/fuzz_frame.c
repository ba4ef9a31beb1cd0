/* SPDX-License-Identifier: MIT */
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/*
 * Byte 0 chooses the link, byte 1 says how much the capture left out, the rest
 * is the frame. The payload lies inside of it; a datagram that was found and is
 * written again as a packet is found there too; a frame with more behind it is
 * the same datagram.
 */

enum { PAYLOAD_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t packet[FRAME_HEAD_MAX + PAYLOAD_MAX];
	struct frame f, back;
	enum frame_verdict v;
	struct span in;
	unsigned head;

	if (size < 2)
		return 0;
	in = span_of(data + 2, size - 2);
	v = frame_parse(in, (uint32_t)in.len + data[1], (enum frame_link)(data[0] % FRAME_LINKS),
			&f);
	FUZZ_HOLDS(v < FRAME_VERDICTS);
	FUZZ_HOLDS(data[1] || v != FRAME_CUT);
	if (v != FRAME_UDP)
		return 0;
	FUZZ_HOLDS(fuzz_inside(in, f.payload));
	FUZZ_HOLDS(f.tags <= FRAME_TAGS_MAX);
	if (f.payload.len > PAYLOAD_MAX)
		return 0;
	head = frame_head(&f.from, &f.to, f.payload, packet);
	FUZZ_HOLDS(head == 28 || head == 48);
	memcpy(packet + head, f.payload.ptr, f.payload.len);
	v = frame_parse(span_of(packet, head + f.payload.len), head + (uint32_t)f.payload.len,
			FRAME_LINK_RAW, &back);
	FUZZ_HOLDS(v == FRAME_UDP);
	FUZZ_HOLDS(endpoint_equal(&f.from, &back.from) && endpoint_equal(&f.to, &back.to));
	FUZZ_HOLDS(span_equal(f.payload, back.payload));
	return 0;
}
