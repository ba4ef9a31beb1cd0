#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""seccomp.py PROFILE.json [--without NAME,...] COMMAND...: the command under a container
engine's seccomp profile, made into a real filter by libseccomp as the engine does.

seccomp.py PROFILE.json --check: every name is a system call that libseccomp knows, the
list is sorted and without repetition, and none of those is in it that must not be.
"""
import ctypes
import json
import os
import sys

ERRNO, ALLOW = 0x00050000, 0x7fff0000
lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
lib.seccomp_load.argtypes = [ctypes.c_void_p]

# What an engine's own profile keeps from a process without capabilities, for good reasons.
NEVER = """add_key bpf clock_settime delete_module finit_module init_module kexec_load keyctl mount move_mount
	name_to_handle_at open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv process_vm_writev
	ptrace reboot request_key setns settimeofday swapon syslog umount2 unshare userfaultfd""".split()


def names_of(profile):
    for group in profile["syscalls"]:
        if group["action"] == "SCMP_ACT_ALLOW":
            yield from group["names"]


def check(profile):
    names = list(names_of(profile))
    wrong = [n for n in names if lib.seccomp_syscall_resolve_name(n.encode()) == -1]
    bad = sorted(set(names) & set(NEVER))
    tidy = names == sorted(set(names))
    has = {"io_uring_setup", "io_uring_enter", "io_uring_register", "sendmmsg", "recvmmsg"} <= set(names)
    print(f"{len(names)} calls allowed; unknown: {wrong}; never to be allowed: {bad}; sorted: {tidy}; io_uring: {has}")
    sys.exit(bool(wrong or bad or not tidy or not has or profile["defaultAction"] != "SCMP_ACT_ERRNO"))


def main():
    with open(sys.argv[1]) as f:
        profile = json.load(f)
    args, without = sys.argv[2:], set()
    if args[0] == "--check":
        check(profile)
    if args[0] == "--without":
        without, args = set(args[1].split(",")), args[2:]
    ctx = lib.seccomp_init(ERRNO | profile["defaultErrnoRet"])
    for name in set(names_of(profile)) - without:
        nr = lib.seccomp_syscall_resolve_name(name.encode())
        # a call that this architecture has not (a negative number) is passed over, as engines do
        if nr >= 0 and lib.seccomp_rule_add_array(ctx, ALLOW, nr, 0, None) != 0:
            sys.exit(f"seccomp.py: no rule for {name}")
    if lib.seccomp_load(ctx) != 0:
        sys.exit("seccomp.py: the kernel refuses the filter")
    os.execvp(args[0], args)


main()
