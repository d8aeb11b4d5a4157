#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/platform.h"
#include "tests/support/expect.h"

static void test_seconds(void **state) {
    (void)state;
    double before = platform_seconds();
    const struct timespec wait = {0, 20000000};
    nanosleep(&wait, NULL);
    double passed = platform_seconds() - before;
    assert_true(passed >= 0.02 && passed < 10);
}

static void test_peak_memory(void **state) {
    (void)state;
    uint64_t before = platform_peak_memory();
    assert_true(before > 100000 && before < UINT64_C(1) << 40);
    size_t size = (size_t)64 << 20;
    volatile char *memory = malloc(size);
    assert_non_null((char *)memory);
    for (size_t i = 0; i < size; i += 1024) memory[i] = 1;
    uint64_t after = platform_peak_memory();
    free((char *)memory);
    assert_true(after >= size);
    assert_true(platform_peak_memory() >= after); /* a peak does not go down */
}

static void test_cores(void **state) {
    (void)state;
    int cores = platform_cores(), quota = platform_quota("");
    assert_true(cores >= 1 && cores <= sysconf(_SC_NPROCESSORS_CONF));
    if (quota) assert_true(cores <= quota);
}

/* ---- limits, read from made-up systems ---- */

/* Removes what put_file made. */
static int remove_tree(const char *root) {
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void put_file(const char *root, const char *name, const char *content) {
    struct error error = {0};
    char *path = expect_path(root, name), *folder = file_folder_of(path, &error);
    assert_int_equal(file_make_folder(folder, &error), 0);
    assert_int_equal(file_replace_text(path, content, &error), 0);
    free(folder);
    free(path);
}

struct system_file {
    const char *name, *content;
};

static void expect_quota(int expected, const struct system_file files[4]) {
    char *root = expect_folder();
    for (int i = 0; i < 4 && files[i].name; i++) put_file(root, files[i].name, files[i].content);
    assert_int_equal(platform_quota(root), expected);
    assert_int_equal(remove_tree(root), 0);
    free(root);
}

#define GROUP "proc/self/cgroup"
#define V2 "sys/fs/cgroup/"
#define V1 "sys/fs/cgroup/cpu/"

static void test_no_limit(void **state) {
    (void)state;
    assert_int_equal(platform_quota("/nowhere"), 0);
    expect_quota(0, (struct system_file[4]){{GROUP, ""}});
    expect_quota(0, (struct system_file[4]){{GROUP, "nonsense\n0:\n"}});
    expect_quota(0, (struct system_file[4]){{GROUP, "0::/\n"}});
    expect_quota(0, (struct system_file[4]){{GROUP, "0::/\n"}, {V2 "cpu.max", "max 100000\n"}});
    expect_quota(0, (struct system_file[4]){{GROUP, "0::/\n"}, {V2 "cpu.max", "200000 0\n"}});
    expect_quota(0, (struct system_file[4]){
                        {GROUP, "3:cpu:/\n"}, {V1 "cpu.cfs_quota_us", "-1\n"}, {V1 "cpu.cfs_period_us", "100000\n"}});
}

static void test_version_2(void **state) {
    (void)state;
    expect_quota(2, (struct system_file[4]){{GROUP, "0::/\n"}, {V2 "cpu.max", "200000 100000\n"}});
    expect_quota(2, (struct system_file[4]){{GROUP, "0::/\n"}, {V2 "cpu.max", "150000 100000\n"}});
    expect_quota(1, (struct system_file[4]){{GROUP, "0::/\n"}, {V2 "cpu.max", "1000 100000\n"}});
    /* the smallest on the way up counts */
    expect_quota(3, (struct system_file[4]){{GROUP, "0::/user/job\n"},
                                            {V2 "user/job/cpu.max", "max 100000\n"},
                                            {V2 "user/cpu.max", "300000 100000\n"},
                                            {V2 "cpu.max", "400000 100000\n"}});
    expect_quota(1, (struct system_file[4]){{GROUP, "0::/user/job\n"},
                                            {V2 "user/job/cpu.max", "100000 100000\n"},
                                            {V2 "user/cpu.max", "300000 100000\n"}});
    /* a container that sees its own limit at the mount, but its path as on the host */
    expect_quota(4, (struct system_file[4]){{GROUP, "0::/docker/abc\n"}, {V2 "cpu.max", "400000 100000\n"}});
}

static void test_version_1(void **state) {
    (void)state;
    expect_quota(3, (struct system_file[4]){{GROUP, "5:cpuset:/x\n4:cpuacct,cpu:/job\n1:name=systemd:/\n"},
                                            {V1 "job/cpu.cfs_quota_us", "250000\n"},
                                            {V1 "job/cpu.cfs_period_us", "100000\n"}});
    expect_quota(2, (struct system_file[4]){{GROUP, "4:cpu,cpuacct:/docker/abc\n0::/\n"},
                                            {V1 "cpu.cfs_quota_us", "100000\n"},
                                            {V1 "cpu.cfs_period_us", "50000\n"}});
}

static void test_versions(void **state) {
    (void)state;
    struct platform_version versions[PLATFORM_VERSIONS];
    int count = 0, compiler = 0;
    platform_versions(versions);
    for (; count < PLATFORM_VERSIONS && versions[count].name; count++) {
        int major = -1, minor = -1;
        assert_int_equal(sscanf(versions[count].version, "%d.%d", &major, &minor), 2);
        assert_true(major >= 0 && minor >= 0);
        compiler += strcmp(versions[count].name, "gcc") == 0 || strcmp(versions[count].name, "clang") == 0;
    }
    assert_true(count >= 5 && count < PLATFORM_VERSIONS);
    assert_int_equal(compiler, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),  cmocka_unit_test(test_peak_memory), cmocka_unit_test(test_cores),
        cmocka_unit_test(test_no_limit), cmocka_unit_test(test_version_2),   cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
