#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"
#include "tests/support/expect.h"

struct world {
    struct error error;
    char *folder, *path;
};

static int setup(void **state) {
    struct world *world = calloc(1, sizeof *world);
    world->folder = expect_folder();
    world->path = expect_path(world->folder, "a.txt");
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    expect_folder_gone(world->folder);
    free(world->path);
    free(world);
    return 0;
}

static void expect_io_error(struct error *error, const char *path, const char *message) {
    char expected[700];
    snprintf(expected, sizeof expected, "%s: %s", path, message);
    expect_error(error, ERROR_IO, expected);
}

static void expect_content(const char *path, const char *expected) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, &error), 0);
    assert_int_equal(length, strlen(expected));
    assert_string_equal(bytes, expected);
    free(bytes);
}

static void test_read(void **state) {
    struct world *world = *state;
    char *bytes = NULL;
    size_t length = 9;
    assert_int_equal(file_read(world->path, 10, &bytes, &length, &world->error), -1);
    expect_io_error(&world->error, world->path, "cannot open the file: No such file or directory");
    assert_int_equal(file_replace_text(world->path, "", &world->error), 0);
    assert_int_equal(file_read(world->path, 10, &bytes, &length, &world->error), 0);
    assert_int_equal(length, 0);
    assert_string_equal(bytes, "");
    free(bytes);
    assert_int_equal(file_replace_text(world->path, "0123456789a", &world->error), 0);
    assert_int_equal(file_read(world->path, 10, &bytes, &length, &world->error), -1);
    expect_io_error(&world->error, world->path, "has 11 bytes, at most 10 are read here; is it the right file?");
    assert_int_equal(file_read(world->path, 11, &bytes, &length, &world->error), 0);
    assert_int_equal(bytes[length], 0);
    free(bytes);
}

static void test_read_what_is_no_file(void **state) {
    struct world *world = *state;
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(file_read(world->folder, 10, &bytes, &length, &world->error), -1);
    expect_io_error(&world->error, world->folder, "is a folder; a file is needed here");
    assert_int_equal(file_read("/dev/zero", 10, &bytes, &length, &world->error), -1);
    expect_io_error(&world->error, "/dev/zero", "is a pipe or a device; copy what it gives into a file");
    assert_int_equal(mkfifo(world->path, 0600), 0); /* nobody writes: opening it must not wait */
    assert_int_equal(file_read(world->path, 10, &bytes, &length, &world->error), -1);
    expect_io_error(&world->error, world->path, "is a pipe or a device; copy what it gives into a file");
}

static void test_replace(void **state) {
    struct world *world = *state;
    struct stat status;
    assert_int_equal(file_replace_text(world->path, "first", &world->error), 0);
    const struct file_piece pieces[] = {{"sec", 3}, {NULL, 0}, {"ond\n", 4}};
    assert_int_equal(file_replace(world->path, pieces, 3, &world->error), 0);
    expect_content(world->path, "second\n");
    assert_int_equal(expect_entries(world->folder), 1);
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(file_replace(world->path, NULL, 0, &world->error), 0);
    expect_content(world->path, "");
}

static void test_replace_fails(void **state) {
    struct world *world = *state;
    char *missing = expect_path(world->folder, "no/a.txt");
    assert_int_equal(file_replace_text(missing, "x", &world->error), -1);
    struct text message = {0};
    text_print(&message, "there is no folder %s/no to write it in; create it", world->folder);
    expect_io_error(&world->error, missing, message.bytes);
    text_free(&message);
    free(missing);
    char *folder = expect_path(world->folder, "sub");
    assert_int_equal(file_make_folder(folder, &world->error), 0);
    assert_int_equal(file_replace_text(folder, "x", &world->error), -1);
    expect_io_error(&world->error, folder, "cannot move the new file into place: Is a directory");
    assert_int_equal(expect_entries(world->folder), 1); /* the temporary file is gone */
    rmdir(folder);
    free(folder);
}

static void test_replace_in_read_only_folder(void **state) {
    struct world *world = *state;
    const uid_t nobody = 65534;
    bool root = geteuid() == 0; /* who may write anywhere: becomes somebody else for this test */
    assert_int_equal(file_replace_text(world->path, "old", &world->error), 0);
    assert_int_equal(chmod(world->folder, 0500), 0);
    if (root) assert_int_equal(chown(world->folder, nobody, (gid_t)-1), 0);
    if (root) assert_int_equal(seteuid(nobody), 0);
    int status = file_replace_text(world->path, "new", &world->error);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(world->folder, 0700), 0);
    assert_int_equal(status, -1);
    expect_io_error(&world->error, world->path, "cannot create a temporary file beside it: Permission denied");
    expect_content(world->path, "old");
}

static void leave(int number) {
    (void)number;
    _exit(3);
}

/* Writes one file after the other until a signal ends it. */
static void replace_for_ever(struct world *world, int began) {
    static char bytes[1 << 20];
    const struct file_piece piece = {bytes, sizeof bytes};
    alarm(60);
    signal(SIGTERM, leave);
    for (;;) {
        if (file_replace(world->path, &piece, 1, &world->error) != 0 || write(began, "", 1) != 1) _exit(1);
    }
}

/* A program whose handler ends it: no temporary file is left, at whatever moment the signal came. */
static void test_signals_wait_for_replace(void **state) {
    struct world *world = *state;
    int ends[2];
    for (int i = 0; i < 20; i++) {
        char byte = 0;
        int status = 0;
        assert_int_equal(pipe(ends), 0);
        const pid_t process = fork();
        if (process == 0) replace_for_ever(world, ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        const struct timespec pause = {0, 300000 * i};
        nanosleep(&pause, NULL);
        kill(process, SIGTERM);
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(expect_entries(world->folder), 1);
    }
}

/* A disk of 64 KB, full and then read-only: the old file stays and nothing lies beside it. */
static void test_replace_on_small_disk(void **state) {
    struct world *world = *state;
    if (mount("none", world->folder, "tmpfs", 0, "size=64k") != 0) skip();
    size_t length = 1 << 20;
    char *large = calloc(length, 1);
    const struct file_piece piece = {large, length};
    int first = file_replace_text(world->path, "old", &world->error);
    int full = file_replace(world->path, &piece, 1, &world->error);
    struct error full_error = world->error;
    int entries = expect_entries(world->folder);
    int remounted = mount("none", world->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64k");
    error_clear(&world->error);
    int read_only = file_replace_text(world->path, "new", &world->error);
    char *bytes = NULL;
    size_t left = 0;
    struct error error = {0};
    int read = file_read(world->path, 100, &bytes, &left, &error);
    assert_int_equal(umount(world->folder), 0); /* first of all, so that a failure leaves no mount */
    free(large);
    assert_int_equal(first, 0);
    assert_int_equal(full, -1);
    expect_io_error(&full_error, world->path, "cannot write the file: No space left on device");
    assert_int_equal(entries, 1);
    assert_int_equal(remounted, 0);
    assert_int_equal(read_only, -1);
    expect_io_error(&world->error, world->path, "cannot create a temporary file beside it: Read-only file system");
    assert_int_equal(read, 0);
    assert_string_equal(bytes, "old");
    free(bytes);
}

static void test_folders(void **state) {
    struct world *world = *state;
    char *deep = expect_path(world->folder, "x//y/"), *inner = expect_path(world->folder, "x/y");
    assert_int_equal(file_make_lasting_folder(deep, &world->error), 0);
    assert_int_equal(file_make_folder(deep, &world->error), 0);
    assert_int_equal(file_is_folder(inner, &world->error), 1);
    assert_int_equal(file_replace_text(world->path, "x", &world->error), 0);
    char *below = expect_path(world->path, "z");
    assert_int_equal(file_make_folder(below, &world->error), -1);
    expect_io_error(&world->error, world->path, "is a file where a folder is needed; choose another name");
    assert_true(file_exists(world->path));
    assert_int_equal(file_is_folder(world->path, &world->error), 0);
    assert_false(file_exists(below));
    assert_int_equal(rmdir(inner), 0);
    free(inner);
    free(below);
    free(deep);
    char *x = expect_path(world->folder, "x");
    assert_int_equal(rmdir(x), 0);
    free(x);
}

static void expect_joined(const char *folder, const char *name, const char *expected) {
    struct error error = {0};
    char *path = file_join(folder, name, &error);
    assert_string_equal(path, expected);
    free(path);
}

static void expect_folder_of(const char *path, const char *expected) {
    struct error error = {0};
    char *folder = file_folder_of(path, &error);
    assert_string_equal(folder, expected);
    free(folder);
}

static void test_paths(void **state) {
    (void)state;
    expect_joined("runs", "a", "runs/a");
    expect_joined("runs/", "a/b", "runs/a/b");
    expect_joined("/", "a", "/a");
    expect_joined("runs", "/a", "/a");
    expect_joined("", "a", "a");
    expect_joined(NULL, "a", "a");
    expect_folder_of("a/b/c", "a/b");
    expect_folder_of("c", ".");
    expect_folder_of("/c", "/");
    expect_folder_of("", ".");
    assert_string_equal(file_name_of("a/b.json"), "b.json");
    assert_string_equal(file_name_of("b.json"), "b.json");
    assert_string_equal(file_name_of("a/"), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_what_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace_in_read_only_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals_wait_for_replace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace_on_small_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
