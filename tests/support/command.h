/* The program as a user runs it: shell lines in a folder of their own, with what they print and their exit code. */
#ifndef CNNTRAIN_TESTS_SUPPORT_COMMAND_H
#define CNNTRAIN_TESTS_SUPPORT_COMMAND_H

#include <cJSON.h>
#include <stdbool.h>

#include "tests/support/expect.h"

struct command_world {
    char *folder;    /* a temporary folder: the working folder of all lines */
    int code;        /* of the last line: its exit code, 128 + N where signal N ended it */
    char *out, *err; /* what it printed */
};

/* cmocka's setup and teardown: *state is a struct command_world. In its lines `cnntrain` is the program that
 * CNNTRAIN_PROGRAM names, else the one built beside the test; the environment holds nothing that changes what it does.
 */
int command_open(void **state);
int command_close(void **state);

/* Runs a line of sh (as printf) and fills code, out and err; returns the code. */
int command(struct command_world *world, const char *line, ...) __attribute__((format(printf, 2, 3)));
/* The same with stdout and stderr on a terminal of 24 lines and that many columns; both go to `out`. Skips the
 * test where the system has no pseudo-terminals. */
int command_on_terminal(struct command_world *world, int columns, const char *line);

/* The line succeeds and prints nothing on stderr. */
void command_succeeds(struct command_world *world, const char *line);
/* The line prints nothing on stdout, exactly "error: <message>\n" on stderr, and ends with this code. */
void command_fails(struct command_world *world, const char *line, int code, const char *message);
/* The line succeeds and prints exactly one JSON document; the caller deletes it. */
cJSON *command_json(struct command_world *world, const char *line);

void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);
void assert_starts_with(const char *text, const char *start);
/* The last line of a text, without its newline, is this one. */
void assert_last_line(const char *text, const char *line);

/* Files of the world's folder. */
void command_write(const struct command_world *world, const char *name, const char *text);
char *command_read(const struct command_world *world, const char *name); /* free() it */
bool command_has(const struct command_world *world, const char *name);
/* A PNG of `channels` bytes a pixel with a gradient. */
void command_write_picture(const struct command_world *world, const char *name, int height, int width, int channels);

#endif
