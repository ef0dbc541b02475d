/*
 * record_counts: bytes that this process has copied by memcpy, memmove and their checked twins, which stand in front of the C
 * library's for all of its libraries; what the compiler turns into a few moves does not count, nor what the C library does inside.
 * Only for programs with one thread that works. Under a sanitizer, which brings its own: always 0.
 */
#ifndef BENCH_RECORD_COUNTS_H
#define BENCH_RECORD_COUNTS_H

#include <stdint.h>

uint64_t record_counts_copied_bytes(void);

#endif
