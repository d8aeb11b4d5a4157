/* cnntrain config: the resolved config, the schema, or a new config. */
#include <stdio.h>
#include <string.h>

#include "cmd/config_init.h"

struct arguments {
    struct train_options train;
    int schema;
};

static int show(struct session *session, const struct arguments *arguments) {
    struct config config;
    if (read_config(session, &arguments->train, arguments->train.config, &config) != 0) return -1;
    int status = session_print_json(session, config_write(&config, &session->registries));
    config_free(&config);
    return status;
}

static int run_config(struct session *session, int argc, const char **argv);

const struct command config_command = {
    .name = "config",
    .summary = "a config with everything it extends and every default spelled out",
    .usage = "FILE [options] | init [options] | --schema",
    .details =
        "`cnntrain config init` prints a new config of regular blocks: convolutions and a pool, as often as --blocks, "
        "--convs and --filters say, then Dense; `cnntrain config init --help` tells its options.\n",
    .examples = "cnntrain config sep_max.json\n"
                "cnntrain config sep_max --set training.optimizer=SGD\n"
                "cnntrain config init --blocks 3 > my.json    a new one; cnntrain config init --help\n"
                "cnntrain config --schema > schema.json      for editors\n",
    .run = run_config,
    .part = &config_init_command,
};

static int run_config(struct session *session, int argc, const char **argv) {
    if (argc > 1 && strcmp(argv[1], "init") == 0) return run_config_init(session, argc - 1, argv + 1);
    struct arguments arguments = {.train = TRAIN_OPTIONS_NONE};
    const struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &arguments.train.config, 0, "the config, also as an argument", "FILE"},
        {"data", 'd', POPT_ARG_STRING, &arguments.train.data, 0, "data to use instead of the config's", "SPEC"},
        {"set", 0, POPT_ARG_ARGV, &arguments.train.set, 0, "set any value of the config; may be repeated",
         "KEY.PATH=VALUE"},
        {"schema", 0, POPT_ARG_NONE, &arguments.schema, 0, "the JSON schema of a config", NULL},
        POPT_TABLEEND,
    };
    struct options options;
    int status = options_parse(&options, session, &config_command, table, argc, argv);
    if (status == 0 && !options.help_shown) {
        struct arguments given = arguments;
        if (arguments.schema)
            status = options_expect(&options, session, &config_command, 0, 0, "nothing");
        else
            given.train.config = options_config(&options, session, &config_command, arguments.train.config, "a config");
        if (status == 0 && arguments.schema)
            status = session_print_json(session, config_schema(&session->registries));
        else if (status == 0)
            status = given.train.config ? show(session, &given) : -1;
    }
    options_free(&options);
    return status;
}
