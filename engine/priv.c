/* SPDX-License-Identifier: MIT */
#include "engine/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>

/* Every capability from effective into the wings: still permitted, not in force. */
static int lay_down(void)
{
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capng_have_capability(CAPNG_EFFECTIVE, cap) &&
		    capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, cap))
			return -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/*
 * Can we write there as we are now? The bare system call: the C library's
 * access() asks for a root user with all that is permitted, not with what is in
 * force.
 */
static bool writable(const char *dir)
{
	return syscall(SYS_faccessat2, AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0 ||
	       errno == ENOENT || errno == EROFS;
}

int priv_drop(const char *const *keep_writable)
{
	bool keep = false;
	int err;

	/* Root in a container has a part of them only; a user has none. */
	if (capng_get_caps_process() || capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return PRIV_UNTOUCHED;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE)) {
		err = lay_down();
		if (err)
			return err;
		for (; keep_writable && *keep_writable; keep_writable++)
			keep |= !writable(*keep_writable);
	}
	capng_clear(CAPNG_SELECT_CAPS);
	if (keep && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE))
		return -EPERM;
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return keep ? PRIV_KEPT_DAC : PRIV_DROPPED;
}

const char *priv_outcome_text(int outcome)
{
	switch (outcome) {
	case PRIV_UNTOUCHED:
		return "none held";
	case PRIV_DROPPED:
		return "dropped";
	case PRIV_KEPT_DAC:
		return "dropped but CAP_DAC_OVERRIDE, to write where the store is";
	default:
		return "not dropped";
	}
}
