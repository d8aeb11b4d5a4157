#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/text.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

enum { OUTPUT_MAX = 16 << 20 };

/* ---- the world ---- */

/* The folder of the program: of CNNTRAIN_PROGRAM, or three floors above this test (build/tests/cmd/test_x). */
static char *program_folder(void) {
    const char *program = getenv("CNNTRAIN_PROGRAM");
    char *path = realpath(program && *program ? program : "/proc/self/exe", NULL);
    assert_non_null(path);
    for (int i = program && *program ? 1 : 3; i > 0; i--) *strrchr(path, '/') = '\0';
    return path;
}

static void set_environment(void) {
    static const char *const names[] = {"CNNTRAIN_DATA", "CNNTRAIN_CPU", "NO_COLOR", "TERM",
                                        "LANG",          "LC_ALL",       "LC_CTYPE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
    struct text path = {0};
    char *folder = program_folder();
    text_print(&path, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", path.bytes, 1);
    /* Two threads even on one core; waiting ones leave it to the others. */
    setenv("OMP_NUM_THREADS", "2", 1);
    setenv("OMP_WAIT_POLICY", "passive", 1);
    text_free(&path);
    free(folder);
}

int command_open(void **state) {
    struct command_world *world = calloc(1, sizeof *world);
    if (!world) return -1;
    set_environment();
    char *folder = expect_folder();
    world->folder = realpath(folder, NULL);
    free(folder);
    *state = world;
    return world->folder ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void forget(struct command_world *world) {
    free(world->out);
    free(world->err);
    world->out = world->err = NULL;
}

int command_close(void **state) {
    struct command_world *world = *state;
    int status = nftw(world->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    forget(world);
    free(world->folder);
    free(world);
    return status;
}

/* ---- lines ---- */

static int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *read_all(const char *path) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    int status = file_read(path, OUTPUT_MAX, &bytes, &length, &error);
    expect_no_error(&error);
    assert_int_equal(status, 0);
    return bytes;
}

static void run_shell(const struct command_world *world, const char *line) {
    if (chdir(world->folder) != 0) _exit(126);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(126);
}

static void redirect(const char *path, int to, int flags) {
    int descriptor = open(path, flags, 0666);
    if (descriptor < 0 || dup2(descriptor, to) < 0) _exit(126);
    close(descriptor);
}

int command(struct command_world *world, const char *line, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, line);
    int length = vsnprintf(text, sizeof text, line, arguments);
    va_end(arguments);
    assert_in_range(length, 0, sizeof text - 1);
    forget(world);
    char *out = expect_path(world->folder, ".out"), *err = expect_path(world->folder, ".err");
    pid_t child = fork();
    if (child == 0) {
        redirect("/dev/null", STDIN_FILENO, O_RDONLY);
        redirect(out, STDOUT_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
        redirect(err, STDERR_FILENO, O_WRONLY | O_CREAT | O_TRUNC);
        run_shell(world, text);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    world->code = code_of(status);
    world->out = read_all(out);
    world->err = read_all(err);
    free(out);
    free(err);
    return world->code;
}

static int open_terminal(int columns, char *name, size_t size) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || access("/dev/pts", X_OK) != 0) {
        print_message("no pseudo-terminals here (/dev/pts is not mounted)\n");
        skip();
    }
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    snprintf(name, size, "%s", ptsname(master));
    struct winsize window = {.ws_row = 24, .ws_col = (unsigned short)columns};
    assert_int_equal(ioctl(master, TIOCSWINSZ, &window), 0);
    return master;
}

int command_on_terminal(struct command_world *world, int columns, const char *line) {
    char name[64], buffer[4096];
    forget(world);
    int master = open_terminal(columns, name, sizeof name);
    pid_t child = fork();
    if (child == 0) {
        close(master);
        redirect("/dev/null", STDIN_FILENO, O_RDONLY);
        redirect(name, STDOUT_FILENO, O_RDWR | O_NOCTTY);
        if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) _exit(126);
        run_shell(world, line);
    }
    struct text text = {0};
    text_add(&text, "");
    /* Until the last one that has the terminal open is gone: then Linux answers EIO. Before the child opens it, too. */
    int status = 0;
    bool ended = false;
    for (;;) {
        ssize_t count = read(master, buffer, sizeof buffer);
        if (count > 0) text_add_bytes(&text, buffer, (size_t)count);
        if (count > 0 || (count < 0 && errno == EINTR)) continue;
        if (ended) break;
        ended = waitpid(child, &status, WNOHANG) == child;
        if (!ended) usleep(2000);
    }
    close(master);
    assert_false(text.failed);
    world->code = code_of(status);
    world->out = text.bytes;
    return world->code;
}

/* ---- what is expected ---- */

void command_succeeds(struct command_world *world, const char *line) {
    if (command(world, "%s", line) != 0) fail_msg("%s: exit code %d: %s", line, world->code, world->err);
    assert_string_equal(world->err, "");
}

void command_fails(struct command_world *world, const char *line, int code, const char *message) {
    struct text expected = {0};
    text_print(&expected, "error: %s\n", message);
    command(world, "%s", line);
    assert_string_equal(world->err, expected.bytes);
    assert_string_equal(world->out, "");
    assert_int_equal(world->code, code);
    text_free(&expected);
}

cJSON *command_json(struct command_world *world, const char *line) {
    struct error error = {0};
    if (command(world, "%s", line) != 0) fail_msg("%s: exit code %d: %s", line, world->code, world->err);
    cJSON *json = json_parse(world->out, strlen(world->out), line, &error);
    expect_no_error(&error);
    return json;
}

void assert_contains(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in:\n%s", part, text);
}

void assert_starts_with(const char *text, const char *start) {
    if (strncmp(text, start, strlen(start)) != 0) fail_msg("\"%s\" does not begin:\n%s", start, text);
}

void assert_last_line(const char *text, const char *line) {
    size_t length = strlen(text), size = strlen(line);
    bool good = length > size && text[length - 1] == '\n' && memcmp(text + length - 1 - size, line, size) == 0 &&
                (length == size + 1 || text[length - size - 2] == '\n');
    if (!good) fail_msg("\"%s\" is not the last line of:\n%s", line, text);
}

/* ---- files ---- */

void command_write(const struct command_world *world, const char *name, const char *text) {
    struct error error = {0};
    char *path = expect_path(world->folder, name), *folder = file_folder_of(path, &error);
    file_make_folder(folder, &error);
    file_replace_text(path, text, &error);
    expect_no_error(&error);
    free(folder);
    free(path);
}

char *command_read(const struct command_world *world, const char *name) {
    char *path = expect_path(world->folder, name), *text = read_all(path);
    free(path);
    return text;
}

bool command_has(const struct command_world *world, const char *name) {
    char *path = expect_path(world->folder, name);
    bool found = file_exists(path);
    free(path);
    return found;
}

void command_write_picture(const struct command_world *world, const char *name, int height, int width, int channels) {
    struct error error = {0};
    char *path = expect_path(world->folder, name), *folder = file_folder_of(path, &error);
    unsigned char *pixels = malloc((size_t)(height * width * channels));
    assert_non_null(pixels);
    assert_int_equal(file_make_folder(folder, &error), 0);
    for (int i = 0; i < height * width * channels; i++) pixels[i] = (unsigned char)(i * 7 + i / width * 3);
    assert_int_not_equal(stbi_write_png(path, width, height, channels, pixels, width * channels), 0);
    free(pixels);
    free(folder);
    free(path);
}
