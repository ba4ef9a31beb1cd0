/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_UNIT_H
#define TESTS_SUPPORT_UNIT_H

/* cmocka 1.1.5 wants these before itself; every unit test begins with this header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** TABLE_END(rows) - one past the last row of a table, for pointer loops. */
#define TABLE_END(rows) ((rows) + sizeof(rows) / sizeof((rows)[0]))

#endif
