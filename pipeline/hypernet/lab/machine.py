"""Settings of the process that make torch faster on a CPU and change no result."""

from __future__ import annotations

import ctypes
import platform

import torch

# Numbers of the options in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP_BYTES = 2**28


def use_threads(threads: int) -> None:
    """Give torch ``threads`` CPU threads, and keep freed memory in the process.

    glibc hands every large array back to the system when it is freed, and the next operation of the same size
    pays for mapping and clearing the pages again: half the time of a step, for the sizes of this project. With
    another C library nothing happens.
    """
    torch.set_num_threads(threads)
    if platform.libc_ver()[0] != "glibc":
        return
    malloc_option = ctypes.CDLL(None).mallopt
    for option, value in (
        (_M_MMAP_THRESHOLD, _KEEP_BYTES),
        (_M_TRIM_THRESHOLD, _KEEP_BYTES),
        (_M_TOP_PAD, _KEEP_BYTES // 4),
    ):
        malloc_option(option, value)
