/* SPDX-License-Identifier: MIT */
#ifndef PROTO_PREFETCH_H
#define PROTO_PREFETCH_H

/**
 * DOC: memory fetched ahead of its use, and kept so by the compiler.
 *
 * gcc 12 holds a function that does nothing but compute an address and give it
 * to __builtin_prefetch() for pure, and drops the calls whose value nobody
 * takes: the code reads as if it fetched, and the object holds no prefetch. The
 * empty asm is a side effect that it must keep, and costs no instruction.
 */

static inline void prefetch_read(const void *p)
{
	__builtin_prefetch(p, 0);
	__asm__ volatile("" : : "r"(p));
}

static inline void prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1);
	__asm__ volatile("" : : "r"(p));
}

#endif
