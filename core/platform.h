/* What the machine says about itself and about this process. */
#ifndef CNNTRAIN_CORE_PLATFORM_H
#define CNNTRAIN_CORE_PLATFORM_H

#include <stdint.h>

/* Seconds of a clock that never goes back; only differences mean something. */
double platform_seconds(void);

/* The most bytes of memory this process has held so far; 0 where the system does not say. */
uint64_t platform_peak_memory(void);

/* Cores this process may use: those it is allowed on, or fewer where a cgroup (version 1 or 2) limits its share of
 * time, rounded up; at least 1. */
int platform_cores(void);
/* The same limit as read from a system's /proc and /sys below `root`; 0 where there is no limit. */
int platform_quota(const char *root);

/* In a child of process `parent`: from here on it is killed when that one ends, however it ends. Linux alone can do
 * this; elsewhere the child goes on. */
void platform_end_with(long parent);

enum { PLATFORM_VERSION_SIZE = 48 };

struct platform_version {
    const char *name;
    char version[PLATFORM_VERSION_SIZE];
};

/* Compiler and libraries in use, ended by an entry without name. `versions` has room for PLATFORM_VERSIONS. */
enum { PLATFORM_VERSIONS = 8 };
void platform_versions(struct platform_version versions[PLATFORM_VERSIONS]);

#endif
