/* Plays the inputs that are kept for a harness, tests/fuzz/seeds/NAME and tests/fuzz/regressions/NAME, or the files
 * named on the command line; reports like cmocka, for tests/run. An input that breaks the program ends this one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "tests/fuzz/support/fuzz.h"

enum { INPUT_MAX = 64 << 20 };

/* Only libFuzzer mutates. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit) {
    (void)data, (void)limit;
    return size;
}

static void play(const char *path) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    if (file_read(path, INPUT_MAX, &bytes, &length, &error) != 0) fuzz_fail(error.message);
    printf("[ RUN      ] %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, length);
    printf("[       OK ] %s\n", path);
    free(bytes);
}

/* Plays, or only counts, the files of a folder in the order of their names; no folder: none. */
static int play_folder(const char *folder, bool plays) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort), files = 0;
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        struct error error = {0};
        bool is_file = file_is_folder(path, &error) == 0;
        free(entries[i]);
        files += is_file;
        if (is_file && plays) play(path);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv) {
    char folders[2][256];
    const char *name = file_name_of(argv[0]);
    if (strncmp(name, "fuzz_", 5) == 0) name += 5;
    snprintf(folders[0], sizeof folders[0], "tests/fuzz/seeds/%s", name);
    snprintf(folders[1], sizeof folders[1], "tests/fuzz/regressions/%s", name);
    int count = argc > 1 ? argc - 1 : play_folder(folders[0], false) + play_folder(folders[1], false);
    printf("[==========] Running %d test(s).\n", count);
    for (int i = 1; i < argc; i++) play(argv[i]);
    for (int i = 0; i < 2 && argc == 1; i++) play_folder(folders[i], true);
    printf("[  PASSED  ] %d test(s).\n", count);
    return count > 0 ? 0 : 1;
}
