/* Zip archives with every byte of theirs damaged. */
#include "core/interop/zip_file.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

static char content[] = "what the member holds";

enum { REASONS = 7 };
static const char *const reasons[REASONS] = {
    "is no whole zip archive; save or copy it again",
    "m in it cannot be read (it is compressed in a way that is not known here); save or copy the file again",
    "m in it cannot be read (it is encrypted); save or copy the file again",
    "m in it cannot be read (it cannot be decompressed, or its checksum is wrong); save or copy the file again",
    "m in it cannot be read (it is longer than it says, or its checksum is wrong); save or copy the file again",
    "m in it has ", /* so many bytes, at most 40 are read */
    NULL,
};

/* Which of the reasons the error has; fails where it has none of them. */
static void note_reason(const struct error *error, bool seen[REASONS]) {
    assert_int_equal(error->code, ERROR_DATA);
    assert_string_equal(error->path, "x.zip");
    for (int i = 0; reasons[i]; i++)
        if (strncmp(error->message, reasons[i], strlen(reasons[i])) == 0) {
            seen[i] = true;
            return;
        }
    fail_msg("\"%s\"", error->message);
}

static void read_one(const char *archive, size_t length, bool seen[REASONS]) {
    struct error error = {0};
    struct zip_member wanted = {.name = "m", .most = 40};
    if (zip_read("x.zip", archive, length, &wanted, 1, &error) != 0)
        note_reason(&error, seen);
    else if (wanted.bytes && wanted.length == sizeof content)
        assert_memory_equal(wanted.bytes, content, sizeof content);
    free(wanted.bytes);
}

static void test_damage(void **state) {
    (void)state;
    struct error error = {0};
    char *archive = NULL;
    size_t length = 0;
    bool seen[REASONS] = {false};
    const struct zip_member member = {.name = "m", .bytes = content, .length = sizeof content};
    assert_int_equal(zip_write("x.zip", &member, 1, &archive, &length, &error), 0);
    read_one(archive, length, seen);
    for (size_t at = 0; at < length; at++)
        for (int value = 0; value < 256; value++) {
            const char was = archive[at];
            archive[at] = (char)value;
            read_one(archive, length, seen);
            archive[at] = was;
        }
    for (size_t cut = 0; cut < length; cut++) read_one(archive, cut, seen);
    for (int i = 0; reasons[i]; i++)
        if (!seen[i]) fail_msg("never: %s", reasons[i]);
    free(archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
