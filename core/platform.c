/* For sched_getaffinity; the library has no portable name for it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "core/platform.h"

#include <cJSON.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

double platform_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

uint64_t platform_peak_memory(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0) return 0;
    return (uint64_t)usage.ru_maxrss * 1024; /* Linux counts kilobytes */
}

/* ---- cores ---- */

enum { PATH_SIZE = 4096, LINE_SIZE = 4096 };

/* The first line of root/folder/file without its newline; false where there is none. */
static bool first_line(const char *root, const char *folder, const char *file, char line[LINE_SIZE]) {
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s%s/%s", root, folder, file);
    FILE *stream = length > 0 && length < PATH_SIZE ? fopen(path, "re") : NULL;
    if (!stream) return false;
    bool read = fgets(line, LINE_SIZE, stream);
    fclose(stream);
    if (read) line[strcspn(line, "\n")] = '\0';
    return read;
}

/* quota / period microseconds of core time, rounded up; 0 where that is no limit. */
static int whole_cores(const char *quota, const char *period) {
    long long share = strtoll(quota, NULL, 10), of = strtoll(period, NULL, 10);
    if (share <= 0 || of <= 0 || share / of >= 1 << 20) return 0;
    return (int)((share + of - 1) / of);
}

/* Version 2: cpu.max holds "quota period" or "max period". */
static int quota_of_v2(const char *root, const char *folder) {
    char line[LINE_SIZE];
    if (!first_line(root, folder, "cpu.max", line)) return 0;
    char *space = strchr(line, ' ');
    return space ? whole_cores(line, space + 1) : 0;
}

/* Version 1: a quota of -1 is no limit. */
static int quota_of_v1(const char *root, const char *folder) {
    char quota[LINE_SIZE], period[LINE_SIZE];
    if (!first_line(root, folder, "cpu.cfs_quota_us", quota) || !first_line(root, folder, "cpu.cfs_period_us", period))
        return 0;
    return whole_cores(quota, period);
}

/* The smallest limit of the group and of those above it, up to the mount. In a container the group's path is often that
 * of the host and not to be found below the mount; its limit then stands at the mount itself. */
static int smallest_quota(const char *root, const char *mount, const char *group,
                          int (*quota_of)(const char *root, const char *folder)) {
    char folder[PATH_SIZE];
    size_t base = strlen(mount);
    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= PATH_SIZE) return quota_of(root, mount);
    int smallest = 0;
    for (char *slash = folder; slash; slash = strrchr(folder + base, '/')) {
        if (slash != folder) *slash = '\0';
        int quota = quota_of(root, folder);
        if (quota && (!smallest || quota < smallest)) smallest = quota;
    }
    return smallest;
}

/* A line of /proc/self/cgroup is "number:controllers:/path"; version 2 has number 0 and no controllers. */
static int quota_of_line(const char *root, char *line) {
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return 0;
    *controllers++ = '\0';
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (!*controllers) return smallest_quota(root, "/sys/fs/cgroup", path, quota_of_v2);
    char *rest = NULL;
    for (char *name = strtok_r(controllers, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        if (strcmp(name, "cpu") == 0) return smallest_quota(root, "/sys/fs/cgroup/cpu", path, quota_of_v1);
    return 0;
}

int platform_quota(const char *root) {
    char path[PATH_SIZE], line[LINE_SIZE];
    int length = snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *stream = length > 0 && length < PATH_SIZE ? fopen(path, "re") : NULL;
    int smallest = 0;
    while (stream && fgets(line, sizeof line, stream)) {
        int quota = quota_of_line(root, line);
        if (quota && (!smallest || quota < smallest)) smallest = quota;
    }
    if (stream) fclose(stream);
    return smallest;
}

/* A machine may have more cores than the fixed set holds: the set grows until it fits. */
static int allowed_cores(void) {
    for (int cores = CPU_SETSIZE; cores <= 1 << 20; cores *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cores);
        if (!set) break;
        bool read = sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)cores), set) == 0;
        int count = read ? CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)cores), set) : 0;
        CPU_FREE(set);
        if (read) return count;
    }
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int platform_cores(void) {
    int allowed = allowed_cores(), quota = platform_quota("");
    int cores = quota && quota < allowed ? quota : allowed;
    return cores < 1 ? 1 : cores;
}

/* ---- processes ---- */

void platform_end_with(long parent) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) raise(SIGKILL); /* it ended before that */
}

/* ---- versions ---- */

static const char *compiler_name(void) {
#ifdef __clang__
    return "clang";
#else
    return "gcc";
#endif
}

static void xxhash_version(char version[PLATFORM_VERSION_SIZE]) {
    unsigned number = XXH_versionNumber();
    snprintf(version, PLATFORM_VERSION_SIZE, "%u.%u.%u", number / 10000, number / 100 % 100, number % 100);
}

void platform_versions(struct platform_version versions[PLATFORM_VERSIONS]) {
    struct platform_version *at = versions;
    memset(versions, 0, PLATFORM_VERSIONS * sizeof *versions);
    at->name = compiler_name();
#ifdef __clang__
    snprintf(at++->version, PLATFORM_VERSION_SIZE, "%d.%d.%d", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
    snprintf(at++->version, PLATFORM_VERSION_SIZE, "%d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
#ifdef __GLIBC__
    at->name = "glibc";
    snprintf(at++->version, PLATFORM_VERSION_SIZE, "%s", gnu_get_libc_version());
#endif
    at->name = "cJSON";
    snprintf(at++->version, PLATFORM_VERSION_SIZE, "%s", cJSON_Version());
    at->name = "zlib";
    snprintf(at++->version, PLATFORM_VERSION_SIZE, "%s", zlibVersion());
    at->name = "xxhash";
    xxhash_version(at++->version);
}
