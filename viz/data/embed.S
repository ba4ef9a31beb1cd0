/* SPDX-License-Identifier: MIT */
/* The files of this folder inside the program; README.md says where they come from. */
	.section .rodata
	.macro embed name, path
	.balign 16
	.globl \name
	.globl \name\()_bytes
	.hidden \name
	.hidden \name\()_bytes
\name:
	.incbin "\path"
.Lend_\name:
	.balign 8
\name\()_bytes:
	.quad .Lend_\name - \name
	.endm

	embed embed_world, "viz/data/world-50m.bin"
	embed embed_regular, "viz/data/inter-regular.otf"
	embed embed_semibold, "viz/data/inter-semibold.otf"
	embed embed_noise, "viz/data/noise-64.bin"
	embed embed_live, "viz/data/live.html"
	embed embed_live_js, "viz/data/live.js"
	.section .note.GNU-stack, "", %progbits
