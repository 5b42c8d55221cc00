/* A quota that is used up, for a program that is started with this library in LD_PRELOAD: on a full disk it gets EDQUOT
 * where the system says ENOSPC. All else is alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WITH_QUOTA(result, name, parameters, arguments)                           \
  result name parameters {                                                        \
    static result(*real) parameters;                                              \
    if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, #name);                   \
    const result outcome = real arguments;                                        \
    if (outcome < 0 && errno == ENOSPC) errno = EDQUOT;                           \
    return outcome;                                                               \
  }

WITH_QUOTA(ssize_t, write, (int file, const void* bytes, size_t size), (file, bytes, size))
WITH_QUOTA(ssize_t, pwrite, (int file, const void* bytes, size_t size, off_t at), (file, bytes, size, at))
WITH_QUOTA(ssize_t, pwrite64, (int file, const void* bytes, size_t size, off64_t at), (file, bytes, size, at))
WITH_QUOTA(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size))
WITH_QUOTA(int, fallocate64, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size))
