/* SPDX-License-Identifier: MIT */
/*
 * What the system takes for the memory and the disk space of a run, without the run: touches as many fresh pages and writes as many bytes.
 * System time of a program says little without this beside it: on virtual machines a fresh page costs what the hypervisor likes. Then it reads memory at
 * random, which is what the search for dominators does: each read alone, because its place depends on the read before, and many at a time.
 *
 * Prints one line: wall, user and system nanoseconds of pages and bytes, then picoseconds per read alone and among many (without FILE-BYTES 0 and 0).
 *
 * usage: bench_calibrate ANONYMOUS-BYTES FILE FILE-BYTES
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096U

static uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

static int touch(volatile uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += PAGE_BYTES) {
        data[i] = 1;
    }
    return 0;
}

static int anonymous(size_t bytes)
{
    void *data = bytes == 0 ? NULL : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        return errno;
    }
    (void)madvise(data, bytes, MADV_HUGEPAGE);
    touch(data, bytes);
    return bytes == 0 ? 0 : munmap(data, bytes);
}

/* Through a mapping, as most sections of an index are written. */
static int file(const char *path, size_t bytes)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || bytes == 0) {
        return fd < 0 ? errno : close(fd);
    }
    unlink(path);
    void *data = ftruncate(fd, (off_t)bytes) != 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return errno;
    }
    touch(data, bytes);
    munmap(data, bytes);
    return fsync(fd) != 0 ? errno : close(fd);
}

#define MEMORY_BYTES (256U << 20) /* more than any cache; a power of two */
#define READS 2000000U

static uint64_t next_random(uint64_t x)
{
    return x * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth */
}

/* *ret_alone, *ret_many: picoseconds per read. */
static int memory(uint64_t *ret_alone, uint64_t *ret_many)
{
    uint8_t *data = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        return errno;
    }
    (void)madvise(data, MEMORY_BYTES, MADV_HUGEPAGE);
    touch(data, MEMORY_BYTES);
    uint64_t x = 1, sum = 0, begin = wall_ns();
    for (uint32_t i = 0; i < READS; i++) {
        x = next_random(x + data[(x >> 20) & (MEMORY_BYTES - 1)]);
    }
    *ret_alone = (wall_ns() - begin) * 1000 / READS;
    begin = wall_ns();
    for (uint32_t i = 0; i < READS; i++) {
        x = next_random(x);
        sum += data[(x >> 20) & (MEMORY_BYTES - 1)];
    }
    *ret_many = (wall_ns() - begin) * 1000 / READS;
    *(volatile uint8_t *)data = (uint8_t)(x + sum); /* what is not used is not read */
    return munmap(data, MEMORY_BYTES);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: bench_calibrate ANONYMOUS-BYTES FILE FILE-BYTES\n", stderr);
        return 2;
    }
    uint64_t begin = wall_ns();
    int problem = anonymous(strtoull(argv[1], NULL, 10));
    problem = problem != 0 ? problem : file(argv[2], strtoull(argv[3], NULL, 10));
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    uint64_t wall = wall_ns() - begin, alone = 0, many = 0;
    if (problem == 0 && argv[3][0] != '0') {
        problem = memory(&alone, &many);
    }
    if (problem != 0) {
        fprintf(stderr, "bench_calibrate: %s\n", strerror(problem));
        return 1;
    }
    printf("%llu %llu %llu %llu %llu\n", (unsigned long long)wall, (unsigned long long)timeval_ns(usage.ru_utime),
           (unsigned long long)timeval_ns(usage.ru_stime), (unsigned long long)alone, (unsigned long long)many);
    return 0;
}
