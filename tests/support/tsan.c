/* SPDX-License-Identifier: MIT */
#ifdef __SANITIZE_THREAD__

const char *__tsan_default_suppressions(void);

/*
 * cairo hands freed patterns from thread to thread through pools of its own, guarded by atomics
 * that the sanitizer does not see in a library built without it; we share no surface.
 */
const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:libcairo.so.2\n";
}

#else
typedef int tsan_nothing_here; /* a translation unit may not be empty */
#endif
