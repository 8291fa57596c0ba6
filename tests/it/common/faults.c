/* A disk with faults, put between the server and the C library (LD_PRELOAD) by faults.rs.
 *
 * FAULTS names a file of bytes that the test changes while the server runs: how many of 256 calls
 * fail, and how many times 10 ms a sync takes. Only regular files above stderr are concerned. SYNCED names a file to which every
 * successful sync appends the inode and the size that is durable from then on, eight bytes each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_FULL, WRITE_SHORT, SYNC_FAILS, RENAME_FAILS, SYNC_DELAY, KINDS };

static volatile const unsigned char *rates;
static int synced = -1;
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
    real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    real_rename = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    const char *faults = getenv("FAULTS"), *log = getenv("SYNCED");
    int fd = faults ? open(faults, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *map = mmap(NULL, KINDS, PROT_READ, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED) rates = map;
        close(fd);
    }
    if (log) synced = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static int fails(int kind) {
    if (!rates || !rates[kind]) return 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t x = (uint64_t)now.tv_nsec * 0x9E3779B97F4A7C15u ^ (uint64_t)now.tv_sec;
    x = (x ^ x >> 29) * 0xBF58476D1CE4E5B9u;
    return (unsigned char)(x >> 56) < rates[kind];
}

static int is_ours(int fd, struct stat *st) {
    return fd > 2 && fd != synced && fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

ssize_t write(int fd, const void *data, size_t len) {
    struct stat st;
    if (rates && (rates[WRITE_FULL] || rates[WRITE_SHORT]) && is_ours(fd, &st)) {
        if (fails(WRITE_FULL)) {
            errno = ENOSPC;
            return -1;
        }
        /* The next call, for the rest, may find the disk full. */
        if (len > 1 && fails(WRITE_SHORT)) len /= 2;
    }
    return real_write(fd, data, len);
}

static int sync_with(int (*real)(int), int fd) {
    struct stat st;
    int ours = is_ours(fd, &st);
    if (ours && fails(SYNC_FAILS)) {
        errno = EIO;
        return -1;
    }
    if (ours && rates && rates[SYNC_DELAY]) usleep(rates[SYNC_DELAY] * 10000u);
    int result = real(fd);
    if (result == 0 && ours && synced >= 0) {
        uint64_t record[2] = {(uint64_t)st.st_ino, (uint64_t)st.st_size};
        if (real_write(synced, record, sizeof record) < 0) abort();
    }
    return result;
}

int fsync(int fd) { return sync_with(real_fsync, fd); }

int fdatasync(int fd) { return sync_with(real_fdatasync, fd); }

int rename(const char *from, const char *to) {
    if (fails(RENAME_FAILS)) {
        errno = EIO;
        return -1;
    }
    return real_rename(from, to);
}
