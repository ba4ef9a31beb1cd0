/* SPDX-License-Identifier: MIT */
#ifndef VIZ_DATA_EMBED_H
#define VIZ_DATA_EMBED_H

#include <stdint.h>

/** DOC: the files of viz/data as bytes of the program (embed.S), and how many. */
extern const uint8_t embed_world[];    /* make-world.mjs */
extern const uint8_t embed_regular[];  /* make-fonts.py */
extern const uint8_t embed_semibold[]; /* make-fonts.py */
extern const uint8_t embed_noise[];    /* make-noise.mjs */
extern const uint8_t embed_live[];     /* the live page, written by hand */
extern const uint8_t embed_live_js[];  /* its program */
extern const uint64_t embed_world_bytes, embed_regular_bytes, embed_semibold_bytes,
	embed_noise_bytes, embed_live_bytes, embed_live_js_bytes;

#endif
