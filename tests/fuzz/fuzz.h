/* SPDX-License-Identifier: MIT */
/*
 * The entry points of libFuzzer, and what the targets share. Built with a fuzzing engine the target is the fuzzer; without one, main.c
 * replays files.
 */
#ifndef HA_TESTS_FUZZ_H
#define HA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes; *ret_path (64 bytes) names it while the descriptor is open. Aborts when the system refuses. */
int fuzz_file(const uint8_t *data, size_t size, char *ret_path);

/* Indexes are made in memory too. */
void fuzz_use_memory(void);

#endif
