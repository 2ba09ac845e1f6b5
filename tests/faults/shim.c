/* Faults that only the kernel or the hardware can make, put between PostgreSQL and libc by LD_PRELOAD.
 *
 * LOCKSTEP_FAULTS names a file of two numbers of 64 bits, read through shared memory at every call:
 *     seconds by which the clock is wrong
 *     not 0: fsync and fdatasync fail with EIO, as on a disk that breaks
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t none[2];
static const volatile int64_t *faults = none;

__attribute__((constructor)) static void open_faults(void)
{
    const char *path = getenv("LOCKSTEP_FAULTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if (mapped != MAP_FAILED)
            faults = mapped;
    }
}

int gettimeofday(struct timeval *now, void *zone)
{
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    if (result == 0)
        now->tv_sec += faults[0];
    return result;
}

int fsync(int file)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    if (faults[1] == 0)
        return real(file);
    errno = EIO;
    return -1;
}

int fdatasync(int file)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    if (faults[1] == 0)
        return real(file);
    errno = EIO;
    return -1;
}
