/* A part of `cnntrain config` with options of its own. */
#ifndef CNNTRAIN_CMD_CONFIG_INIT_H
#define CNNTRAIN_CMD_CONFIG_INIT_H

#include "cmd/session.h"

extern const struct command config_init_command;

/* As a command's run; argv[0] is "init". */
int run_config_init(struct session *session, int argc, const char **argv);

#endif
