/* SPDX-License-Identifier: MIT */
#ifndef VIZ_PARALLEL_H
#define VIZ_PARALLEL_H

/**
 * DOC: the same job for many bands of a picture, over threads. Which thread
 * does which job is left to chance, so a job may write only what is its own,
 * or sums of integers: then the picture does not depend on it (V-3).
 */

enum { PARALLEL_THREADS_MAX = 64 }; /* beyond this a frame has too few bands to deal out */

/** parallel_threads() - @wanted, or all cores for 0; 1 .. PARALLEL_THREADS_MAX. */
unsigned parallel_threads(unsigned wanted);

/**
 * parallel_run() - @job(ctx, index, worker) for each index 0 .. count-1.
 * @worker: 0 .. threads-1, one at a time each: for memory of a worker's own.
 *
 * Never fails: threads that the system refuses are done without.
 */
void parallel_run(unsigned threads, unsigned count,
		  void (*job)(void *ctx, unsigned index, unsigned worker), void *ctx);

#endif
