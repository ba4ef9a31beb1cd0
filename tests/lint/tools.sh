#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-format and cppcheck.
set -u
bad=0
files=$(git ls-files '*.c' '*.h')
for tool in clang-format cppcheck; do
	command -v $tool >/dev/null || { echo "lint: $tool is missing; try: configs/install-deps.sh lint"; exit 1; }
done
clang-format --dry-run -Werror $files || bad=1
cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -I. -D_GNU_SOURCE \
	--enable=warning,portability -j 2 --suppress=missingIncludeSystem --suppress=readdirCalled --suppress=invalidFunctionArg \
	--suppress=normalCheckLevelMaxBranches --library=posix \
	$(git ls-files '*.c' | grep -v '^tests/') || bad=1
exit $bad
