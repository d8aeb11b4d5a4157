/* What --help and --version print, and the descriptions of commands that help, manual and completions share. */
#ifndef CNNTRAIN_CMD_HELP_H
#define CNNTRAIN_CMD_HELP_H

#include "cmd/session.h"
#include "core/text.h"

void help_program(void);
/* A session's `describe` until somebody else's takes its place; target is not used. */
void help_command(void *target, const struct command_description *description);
/* One line, or with session->verbose all that tells how the program was built and what it will use here. */
void help_version(const struct session *session);

/* The command that help lists under this name, or a part of one ("config init"); NULL where there is none. */
const struct command *help_find(const char *name);
/* What tells a part from its command, behind which it stands: "init" of "config init". */
const char *help_part_word(const struct command *part);
/* Calls `describe` with the command and its options; they are good for that call only. -1 with the session's error. */
int help_describe(struct session *session, const struct command *command,
                  void (*describe)(void *target, const struct command_description *description), void *target);

/* Whether the table goes on at `option`. */
static inline bool is_option(const struct poptOption *option) {
    return option && (option->longName || option->shortName);
}

#endif
