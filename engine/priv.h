/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_PRIV_H
#define ENGINE_PRIV_H

#include "proto/err.h"

/**
 * DOC: open what needs privilege (a large receive buffer, SO_BINDTODEVICE), then
 * let it go. The user id stays, so that root goes on writing root's files; the
 * capabilities go, and no exec brings them back (no_new_privs).
 *
 * One may have to stay (E-8): root that writes into somebody else's directory
 * does so by CAP_DAC_OVERRIDE. Whether that is so is tried, not guessed.
 */

enum priv_outcome {
	PRIV_UNTOUCHED = 0, /* none was held: nothing was changed */
	PRIV_DROPPED = 1,   /* no capability is left */
	PRIV_KEPT_DAC = 2,  /* none but CAP_DAC_OVERRIDE */
};

/**
 * priv_drop() - drop the capabilities of the calling thread; threads that it
 * starts later have none either.
 * @keep_writable: directories that must stay writable; NULL-terminated; may be NULL.
 * Returns an enum priv_outcome. Errors: -EPERM where the kernel refuses.
 */
int priv_drop(const char *const *keep_writable) DT_MUST;

/** priv_outcome_text() - a phrase for the metadata. */
const char *priv_outcome_text(int outcome);

#endif
