/*
 * pipeline_malloc: how often this process has asked for memory: malloc and its like stand in front of the C library's, for all of
 * its libraries. Only for programs with one thread that works. Under a sanitizer, which brings its own: always 0.
 */
#ifndef BENCH_PIPELINE_MALLOC_H
#define BENCH_PIPELINE_MALLOC_H

#include <stdint.h>

uint64_t pipeline_malloc_count(void);

#endif
