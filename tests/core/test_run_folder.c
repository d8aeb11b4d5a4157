#include "core/run_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

struct world {
    char *folder, *run; /* of everything, and of a run in it */
    struct error error;
};

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    if (!world) return -1;
    world->folder = expect_folder();
    world->run = expect_path(world->folder, "run");
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;
    free(world->run);
    tree_gone(world->folder);
    free(world);
    return 0;
}

static void test_claim(void **state) {
    struct world *world = *state;
    char *slash = expect_path(world->folder, "deep/run//");
    static const char *const names[] = {"run", "run-2", "run-3"};
    for (int i = 0; i < 3; i++) {
        char *claimed = run_claim_folder(slash, &world->error);
        expect_no_error(&world->error);
        assert_string_equal(file_name_of(claimed), names[i]);
        assert_true(tree_has(claimed, "log.txt"));
        free(claimed);
    }
    /* a folder with other things in it, but no run, may be used */
    char *other = expect_path(world->folder, "other");
    file_make_folder(other, &world->error);
    tree_write(other, "notes", "mine");
    char *claimed = run_claim_folder(other, &world->error);
    assert_string_equal(claimed, other);
    assert_int_equal(run_make_folder(other, &world->error), 0); /* as it is */
    assert_true(tree_has(other, "notes"));
    free(claimed);
    /* a plain file is in the way */
    tree_write(world->folder, "plain", "x");
    char *plain = expect_path(world->folder, "plain"), *below = expect_path(plain, "run");
    assert_null(run_claim_folder(below, &world->error));
    assert_int_equal(world->error.code, ERROR_IO);
    error_clear(&world->error);
    free(plain);
    free(below);
    free(other);
    free(slash);
}

/* Processes that start at once each get a folder of their own, and no number is left out. */
static void test_claim_race(void **state) {
    struct world *world = *state;
    enum { PROCESSES = 12 };
    int ends[2], gate[2];
    assert_true(pipe(ends) == 0 && pipe(gate) == 0);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            char byte = 0;
            close(gate[1]);
            ssize_t got = read(gate[0], &byte, 1); /* until the parent closes it: all at once */
            struct error error = {0};
            char *folder = run_claim_folder(world->run, &error);
            const char *dash = folder ? strrchr(file_name_of(folder), '-') : "-0";
            byte = (char)(dash ? atoi(dash + 1) : 1);
            _exit(got == 0 && write(ends[1], &byte, 1) == 1 ? 0 : 1);
        }
    close(gate[0]);
    close(gate[1]);
    int seen[PROCESSES + 1] = {0};
    for (int i = 0; i < PROCESSES; i++) {
        char number = 0;
        assert_int_equal(read(ends[0], &number, 1), 1);
        assert_in_range(number, 1, PROCESSES);
        assert_int_equal(seen[(int)number]++, 0);
    }
    for (int i = 0; i < PROCESSES; i++) wait(NULL);
    close(ends[0]);
    close(ends[1]);
}

/* Trying leaves nothing, but for what was there. */
static void test_try(void **state) {
    struct world *world = *state;
    char *there = expect_path(world->folder, "there"), *inner = expect_path(there, "a/b/run");
    assert_int_equal(file_make_folder(there, &world->error), 0);
    assert_int_equal(run_try_folder(inner, &world->error), 0);
    assert_int_equal(expect_entries(there), 0);
    assert_int_equal(run_try_folder(there, &world->error), 0);
    assert_int_equal(expect_entries(world->folder), 1);
    assert_int_equal(chdir(world->folder), 0);
    assert_int_equal(run_try_folder("runs/x/y", &world->error), 0);
    assert_int_equal(run_try_folder("runs", &world->error), 0);
    assert_int_equal(expect_entries(world->folder), 1);
    free(there);
    free(inner);
}

/* Whether a run is in a folder that nobody may look into, nobody can say; none is looked for under other names. */
static void test_try_where_nobody_may_look(void **state) {
    struct world *world = *state;
    const uid_t nobody = 65534;
    const bool root = geteuid() == 0; /* who may look anywhere: becomes somebody else for this test */
    char *closed = expect_path(world->folder, "closed"), *run = expect_path(closed, "run");
    file_make_folder(closed, &world->error);
    assert_int_equal(chmod(closed, 0), 0);
    assert_int_equal(chmod(world->folder, 0711), 0);
    if (root) assert_int_equal(seteuid(nobody), 0);
    const int status = run_try_folder(run, &world->error);
    if (root) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(closed, 0700), 0);
    assert_int_equal(status, -1);
    assert_int_equal(world->error.code, ERROR_IO);
    assert_string_equal(world->error.message, "cannot look at the file: Permission denied");
    free(run);
    free(closed);
}

static void test_is_finished(void **state) {
    struct world *world = *state;
    assert_false(run_is_finished(world->run));
    file_make_folder(world->run, &world->error);
    assert_false(run_is_finished(world->run));
    static const struct {
        const char *text;
        bool finished;
    } rows[] = {{"{\"name\": \"a\", \"status\": \"finished\"}", true},
                {"{\"name\": \"a\", \"status\": \"not finite\"}", true},
                {"{\"name\": \"a\", \"status\": \"interrupted\"}", false},
                {"{\"name\": \"a\", \"status\": \"failed\"}", false},
                {"{\"name\": \"a\", \"sta", false},
                {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tree_write(world->run, "metrics.json", rows[i].text);
        assert_true(run_is_finished(world->run) == rows[i].finished);
    }
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_claim),       WORLD_TEST(test_claim_race),
        WORLD_TEST(test_try),         WORLD_TEST(test_try_where_nobody_may_look),
        WORLD_TEST(test_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
