/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H

#include <stdio.h>

#include "proto/err.h"

/**
 * DOC: a picture of results: the JSON lines of the benchmark table, and of
 * bench/rivals, as bars by group. What is ours is lit, bare loops are grey,
 * other programs are red. Figures in ns become packets a second, so that longer is
 * always better; a group that spans more than 30 : 1 is drawn on a logarithmic scale and says so.
 */

enum { CHART_WHY_MAX = 256, CHART_ROWS_MAX = 96, CHART_LINE_MAX = 8192 };

struct chart;

int chart_new(struct chart **out) DT_MUST;
void chart_free(struct chart *c);

/**
 * chart_read() - take the lines of @in that the chart knows to show; others are skipped.
 * Returns how many were taken. Errors: DT_EFULL beyond CHART_ROWS_MAX.
 */
int chart_read(struct chart *c, FILE *in) DT_MUST;

/** chart_draw() - a PNG. Errors: DT_EMISSING nothing to show; -errno, -ENOMEM; @why: a line. */
int chart_draw(struct chart *c, const char *path, char why[static CHART_WHY_MAX]) DT_MUST;

#endif
