/* Input that means harm, or is only a mistake: whatever stands where a file is wanted, and whatever the file holds, the
 * answer is one line that names it, in a moment and in little memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/json.h"
#include "core/text.h"
#include "tests/support/command.h"

#if defined(__has_feature)
#define HAS_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif
#if HAS_SANITIZER
#define LIMIT "" /* a sanitizer's shadow memory has more addresses than any limit */
enum { SECONDS_MAX = 20, WAIT_MAX = 200 };
#else
#define LIMIT "ulimit -v 1500000; "
enum { SECONDS_MAX = 5, WAIT_MAX = 100 }; /* of a processor, and until the answer where others are at work, too */
#endif

/* ---- what an answer must be ---- */

/* One line, with nothing in it that a terminal obeys. */
static void expect_one_line(const char *text) {
    size_t length = strlen(text);
    assert_true(length > 0 && text[length - 1] == '\n');
    char *line = strndup(text, length - 1);
    if (!text_is_printable(line)) fail_msg("control characters in: %s", line);
    free(line);
}

/* Seconds that processors gave to the lines that have ended. */
static long seconds_taken(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
}

/* The line is refused with a proper sentence, soon. */
static void expect_refused(struct command_world *world, const char *line) {
    struct timespec begin, end;
    const long taken = seconds_taken();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int code = command(world, "%s%s", LIMIT, line);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (code != 2 && code != 3 && code != 4) fail_msg("%s: exit code %d: %s", line, code, world->err);
    assert_starts_with(world->err, "error: ");
    expect_one_line(world->err);
    const long used = seconds_taken() - taken, waited = (long)(end.tv_sec - begin.tv_sec);
    if (used > SECONDS_MAX || waited > WAIT_MAX) fail_msg("%s took %ld s in %ld s", line, used, waited);
}

static void expect_error_line(struct command_world *world, const char *line, int code, const char *message) {
    char text[2048];
    expect_refused(world, line);
    snprintf(text, sizeof text, "error: %s\n", message);
    assert_string_equal(world->err, text);
    assert_int_equal(world->code, code);
}

/* Every command with every option that reads a file; %s is the file, as the shell has it within double quotes. */
static const char *const inputs[] = {
    "cnntrain train --config \"%s\" --out o",
    "cnntrain summary --config \"%s\"",
    "cnntrain config \"%s\"",
    "cnntrain gradcheck --config \"%s\"",
    "cnntrain bench \"%s\"",
    "cnntrain experiments \"%s\" --out o",
    "cnntrain train --config conv_max --weights \"%s\" --data synth:8,4 --out o",
    "cnntrain train --resume \"%s\"",
    "cnntrain evaluate \"%s\"",
    "cnntrain summary \"%s\"",
    "cnntrain predict \"%s\" good.png",
    "cnntrain predict run \"%s\"",
    "cnntrain data svhn:\"%s\"",
    "cnntrain data cifar10:\"%s\"",
    "cnntrain data cifar100:\"%s\"",
    "cnntrain data idx:\"%s\"",
    "cnntrain data fashion-mnist:\"%s\"",
    "cnntrain data folder:\"%s\"",
    "cnntrain data csv:\"%s\"",
    "cnntrain data npy:\"%s\",\"%s\"",
    "cnntrain train --config conv_max --set \"data.source=svhn\" --set \"data.path=%s\" --out o",
    "cnntrain evaluate run --data npy:\"%s\"",
};

static void refuse_everywhere(struct command_world *world, const char *file) {
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        struct text line = {0};
        for (const char *at = inputs[i]; *at; at++) {
            if (strncmp(at, "%s", 2) == 0)
                text_add(&line, file), at++;
            else
                text_add_bytes(&line, at, 1);
        }
        expect_refused(world, line.bytes);
        text_free(&line);
    }
}

/* ---- instead of a file ---- */

static int open_world(void **state) {
    if (command_open(state) != 0) return -1;
    struct command_world *world = *state;
    command_write_picture(world, "good.png", 8, 8, 3);
    command_succeeds(world,
                     "mkdir dir && mkfifo pipe && : >empty && cnntrain train conv_max --data synth:64,32 --epochs 1 "
                     "-q --out run");
    return 0;
}

static void what_is_no_file(void **state) {
    struct command_world *world = *state;
    static const char *const files[] = {"dir", "pipe", "/dev/zero", "/dev/urandom", "empty", "none", "empty/inside"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) refuse_everywhere(world, files[i]);
    expect_error_line(world, "cnntrain predict run pipe", 4,
                      "pipe: is a pipe or a device; copy what it gives into a file");
    expect_error_line(world, "cnntrain summary dir/../dir/", 4,
                      "dir/../dir/: holds no last.safetensors; name a run's "
                      "folder or a .safetensors, .keras or .h5 file");
    expect_error_line(world, "cnntrain train --resume empty", 4,
                      "empty: is no folder; name a run's folder, such as runs/sep_max");
}

/* Root may read everything, so another user asks. */
static void unreadable_files(void **state) {
    struct command_world *world = *state;
    bool is_root = command(world, "test $(id -u) -eq 0") == 0;
    if (is_root && command(world, "command -v setpriv") != 0) skip();
    const char *as = is_root ? "setpriv --reuid=65534 --regid=65534 --clear-groups ./" : "./";
    command(
        world,
        "cp $(command -v cnntrain) . && chmod 755 . cnntrain && chmod 644 good.png && head -c 3073 /dev/zero >shut && "
        "mkdir -m 777 out && chmod 0 shut");
    static const char *const lines[] = {"summary --config shut", "train --config shut",   "experiments shut",
                                        "evaluate shut",         "predict shut good.png", "data csv:shut",
                                        "data svhn:shut",        "data cifar10:shut",     "data npy:shut,shut"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        snprintf(line, sizeof line, "%scnntrain %s", as, lines[i]);
        expect_refused(world, line);
        assert_int_equal(world->code, 4);
        assert_contains(world->err, "shut: cannot open the file: Permission denied\n");
    }
}

static void names_that_a_terminal_obeys(void **state) {
    struct command_world *world = *state;
    static const char *const names[] = {"a\nb\x1b[31mred\x1b]0;title\x07\r\x7f\xc2\x9bz", "\xff\xfe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        refuse_everywhere(world, names[i]);
        char line[256];
        snprintf(line, sizeof line, "cnntrain train conv_max --set '%s=1'", names[i]);
        expect_refused(world, line);
        snprintf(line, sizeof line, "cnntrain '%s'", names[i]);
        expect_refused(world, line);
    }
    /* They may be names of pictures all the same. */
    command(world, "cp good.png \"$(printf 'a\\nb\\033[31m.png')\"; cnntrain predict run a?b*");
    assert_int_equal(world->code, 0);
    assert_starts_with(world->out, "a\\nb\\x1b[31m.png: ");
    expect_one_line(world->out);
}

static void paths_of_5000_bytes(void **state) {
    struct command_world *world = *state;
    command(world, "head -c 5000 /dev/zero | tr '\\0' x >long; sed 's#\\(x\\{99\\}\\)x#\\1/#g' long >folders");
    refuse_everywhere(world, "$(cat long)");
    refuse_everywhere(world, "$(cat folders)");
    expect_refused(world, "cnntrain predict run \"$(cat long)\"");
    assert_contains(world->err, "xxx...xxx"); /* shortened in the middle: what is wrong with it stands behind it */
    assert_contains(world->err, "xxx: cannot open the file: File name too long\n");
}

/* ---- hostile JSON ---- */

static void write_config(const struct command_world *world, const char *members) {
    struct text text = {0};
    text_print(&text,
               "{\"input_shape\": [8, 8, 1], \"model\": [{\"type\": \"Flatten\"}, {\"type\": \"Dense\", \"units\": 2, "
               "\"activation\": \"softmax\"}]%s%s}",
               *members ? ", " : "", members);
    command_write(world, "c.json", text.bytes);
    text_free(&text);
}

static void numbers_and_names_in_a_config(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *members, *message;
    } cases[] = {
        {"\"seed\": 1e999", "c.json: line 1, column 124: \"1e999\" is larger than any number a computer holds; give a "
                            "smaller one"},
        {"\"seed\": NaN", "c.json: line 1, column 124: \"NaN\" is no JSON number; give a finite one"},
        {"\"seed\": -Infinity", "c.json: line 1, column 124: \"-Infinity\" is no JSON number; give a finite one"},
        {"\"seed\": 1e308", "c.json: seed: must be at most 2147483647, got 1e+308"},
        {"\"seed\": 18446744073709551616", "c.json: seed: must be at most 2147483647, got 1.844674407e+19"},
        {"\"seed\": 2147483648", "c.json: seed: must be at most 2147483647, got 2147483648"},
        {"\"seed\": 1, \"seed\": 1", "c.json: seed: stands twice; keep one of them"},
        {"\"training\": {\"epochs\": -0}", "c.json: training.epochs: must be an integer, in [1, 1000000]; got -0"},
        {"\"training\": {\"label_smoothing\": 1e-400, \"epochs\": 1e-400}",
         "c.json: training.epochs: must be an integer, in [1, 1000000]; got 0"},
        {"\"name\": \"a\\u001b[31m\"",
         "c.json: name: must be a file name of 1 to 100 characters, without slashes, control "
         "characters or a leading dot"},
        {"\"name\": \"a\\u0000b\"", "c.json: line 1, column 126: a zero character inside a string; remove it"},
        {"\"na\\u001bme\": 1", "c.json: na\\x1bme: unknown field; did you mean \"name\"?"},
        {"\"name\": \"\xff\"", "c.json: line 1, column 125: not UTF-8 text; save the file as UTF-8"},
        {"\"extends\": \"/dev/zero\"", "/dev/zero: is a pipe or a device; copy what it gives into a file"},
        {"\"extends\": \"c.json\"", "c.json: extends: c.json extends this file in turn; break the circle"},
        {"\"input_shape\": [1, 1, 1]", "c.json: input_shape: stands twice; keep one of them"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_config(world, cases[i].members);
        expect_refused(world, "cnntrain summary c.json");
        char text[512];
        snprintf(text, sizeof text, "error: %s\n", cases[i].message);
        assert_string_equal(world->err, text);
    }
    write_config(world, "\"seed\": -0");
    command_succeeds(world, "printf '\\357\\273\\277' >b.json && cat c.json >>b.json && cnntrain summary b.json");
}

static void deep_and_wide_configs(void **state) {
    struct command_world *world = *state;
    struct text text = {0};
    text_repeat(&text, "[", 100000);
    command_write(world, "deep.json", text.bytes);
    expect_error_line(world, "cnntrain summary deep.json", 2,
                      "deep.json: line 1, column 65: nested deeper than 64 levels; make it flatter");
    text_free(&text);
    text_repeat(&text, "{\"a\":", 100000);
    command_write(world, "deep.json", text.bytes);
    expect_error_line(world, "cnntrain experiments deep.json", 2,
                      "deep.json: line 1, column 321: nested deeper than 64 levels; make it flatter");
    text_free(&text);
    text_add(&text, "{\"extends\": \"base.json\"");
    for (int i = 0; i < 300000; i++) text_print(&text, ",\"%d\":0", i);
    text_add(&text, "}");
    command_write(world, "wide.json", text.bytes);
    command_write(world, "base.json", "{}");
    expect_error_line(world, "cnntrain summary wide.json", 2,
                      "wide.json: extends: an object has more than 4096 keys; remove some");
    text_free(&text);
}

/* A model of any size can be looked at; room is made only where there is that much. */
static void huge_models(void **state) {
    struct command_world *world = *state;
    command_write(
        world, "huge.json",
        "{\"input_shape\": [4096, 4096, 3], \"data\": {\"source\": \"synth\"}, \"model\": [{\"type\": \"Flatten\"}, "
        "{\"type\": \"Dense\", \"units\": 40, \"activation\": \"softmax\"}]}");
    assert_int_equal(command(world, LIMIT "cnntrain summary huge.json"), 0);
    assert_contains(world->out, "2,013,265,960");
    command_write(world, "huge.json", "{\"input_shape\": [65536, 65536, 65536], \"model\": [\"Flatten\"]}");
    expect_error_line(
        world, "cnntrain summary huge.json", 2,
        "huge.json: model: images of (65536,65536,65536) are larger than any layer takes; make them smaller");
}

/* ---- headers that promise too much ---- */

static void small_files_that_ask_for_gigabytes(void **state) {
    struct command_world *world = *state;
    static const struct {
        const char *make, *line;
    } cases[] = {
        {"mkdir i; printf '\\0\\0\\010\\003\\377\\377\\377\\377\\0\\0\\020\\0\\0\\0\\020\\0' "
         ">i/train-images-idx3-ubyte; "
         "printf '\\0\\0\\010\\001\\377\\377\\377\\377' >i/train-labels-idx1-ubyte",
         "cnntrain data idx:i"},
        {"gzip i/*", "cnntrain data idx:i"},
        {"{ printf '\\223NUMPY\\1\\0\\106\\0'; printf '%-69s\\n' \"{'descr': '|u1', 'fortran_order': False, 'shape': "
         "(99999, 4096, 4096)}\"; } >x.npy",
         "cnntrain data npy:x.npy,x.npy"},
        {"{ printf '%-124s\\0\\001IM\\016\\0\\0\\0\\377\\377\\377\\177' MATLAB; } >x.mat", "cnntrain data svhn:x.mat"},
        {"{ printf '\\377\\377\\377\\377\\0\\0\\0\\0'; printf '{}'; } >x.safetensors",
         "cnntrain evaluate x.safetensors"},
        {"h='{\"a\":{\"dtype\":\"F64\",\"shape\":[999999999,999],\"data_offsets\":[0,9]}}'; { printf "
         "'\\073\\0\\0\\0\\0\\0\\0\\0'; "
         "printf '%s' \"$h\"; } >x.safetensors",
         "cnntrain evaluate x.safetensors"},
        {"printf '\\211PNG\\r\\n\\032\\n\\0\\0\\0\\015IHDR\\0\\0\\352\\140\\0\\0\\352\\140\\010\\2\\0\\0\\0' >x.png",
         "cnntrain predict run x.png"},
        {"printf 'BM0000\\0\\0\\0\\0\\066\\0\\0\\0\\050\\0\\0\\0\\0\\020\\0\\0\\0\\020\\0\\0\\001\\0\\030\\0' >x.bmp; "
         "head -c 40 "
         "/dev/zero >>x.bmp",
         "cnntrain predict run x.bmp"},
        {"printf '\\377\\330\\377\\300\\0\\021\\010\\377\\377\\377\\377\\3\\1\\021\\0\\2\\021\\0\\3\\021\\0\\377\\331' "
         ">x.jpg",
         "cnntrain predict run x.jpg"},
        {"truncate -s 20G x.json", "cnntrain summary x.json"},
        {"truncate -s 20G x.csv", "cnntrain data csv:x.csv"},
        {"truncate -s 20G x.png", "cnntrain predict run x.png"},
        {"truncate -s 20G x.safetensors", "cnntrain evaluate x.safetensors"},
        {"printf 'PK\\003\\004' >x.keras; truncate -s 20G x.keras", "cnntrain evaluate x.keras"},
        {"printf '\\211HDF\\r\\n\\032\\n' >x.h5; truncate -s 20G x.h5", "cnntrain evaluate x.h5"},
        {"printf '\\223NUMPY\\1\\0' >x.npy; truncate -s 20G x.npy", "cnntrain data npy:x.npy,x.npy"},
        {"truncate -s 20G data_batch_1.bin", "cnntrain data cifar10:data_batch_1.bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(command(world, "%s", cases[i].make), 0);
        expect_refused(world, cases[i].line);
    }
}

/* A hundred thousand modules of PyTorch, none of which is wanted. */
static void many_small_tensors(void **state) {
    struct command_world *world = *state;
    struct text header = {0};
    text_add(&header, "{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    for (int i = 0; i < 100000; i++)
        text_print(&header, ",\"l%d.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i);
    text_add(&header, "}");
    command_write(world, "header", header.bytes);
    command(world, "printf '\\%03zo\\%03zo\\%03zo\\0\\0\\0\\0\\0' >many.safetensors; cat header >>many.safetensors",
            header.length & 255, header.length >> 8 & 255, header.length >> 16);
    text_free(&header);
    expect_refused(world, "cnntrain train --config conv_max --weights many.safetensors --data synth:8,4 --out o");
    assert_contains(world->err, "is a state dict of PyTorch without a module for \"0.weight\" of the model");
}

static void a_pipe_for_a_log(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir piped && mkfifo piped/log.txt");
    assert_int_equal(command(world, "timeout 20 cnntrain watch piped --once"), 0);
}

static void decompression_bombs(void **state) {
    struct command_world *world = *state;
    if (command(world, "command -v gzip") != 0) skip();
    command(world, "mkdir z; head -c 600000000 /dev/zero | gzip -1 >z/train-images-idx3-ubyte.gz; "
                   "printf '\\0\\0\\010\\001\\0\\0\\0\\0' | gzip >z/train-labels-idx1-ubyte.gz");
    expect_refused(world, "cnntrain data idx:z");
    assert_contains(world->err,
                    "begins with 0x00000000; an IDX file of images begins with 0x00000803: is it the right file?");
    command(world, "{ printf '\\0\\0\\010\\003\\0\\016\\0\\0\\0\\0\\0\\034\\0\\0\\0\\034'; head -c 719323136 "
                   "/dev/zero; } | gzip -9 "
                   ">z/train-images-idx3-ubyte.gz");
    expect_refused(world, "cnntrain data idx:z");
    assert_contains(world->err, " to 719323136; if that is meant, unpack it with gunzip first\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(names_that_a_terminal_obeys),
        cmocka_unit_test(paths_of_5000_bytes),
        cmocka_unit_test(numbers_and_names_in_a_config),
        cmocka_unit_test(deep_and_wide_configs),
        cmocka_unit_test(huge_models),
        cmocka_unit_test(small_files_that_ask_for_gigabytes),
        cmocka_unit_test(many_small_tensors),
        cmocka_unit_test(a_pipe_for_a_log),
        cmocka_unit_test(decompression_bombs),
    };
    return cmocka_run_group_tests_name("hostile", tests, open_world, command_close);
}
