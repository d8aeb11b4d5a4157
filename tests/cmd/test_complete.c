/* complete: what a shell is told about the last word of a line. */
#include <string.h>

#include "tests/support/command.h"

/* The candidates for `line`, of which the last word stands behind the last space, without their meanings. */
static void assert_candidates(struct command_world *world, const char *line, const char *candidates) {
    command(world, "cnntrain complete -- %s | cut -f 1 | tr '\\n' ' '", line);
    assert_int_equal(world->code, 0);
    assert_string_equal(world->err, "");
    if (strcmp(world->out, candidates) != 0) fail_msg("%s: \"%s\", expected \"%s\"", line, world->out, candidates);
}

static void assert_offers(struct command_world *world, const char *line, const char *candidate) {
    command(world, "cnntrain complete -- %s | cut -f 1 | grep -qxF -- '%s'", line, candidate);
    if (world->code != 0) fail_msg("%s: no %s", line, candidate);
}

static void commands(void **state) {
    struct command_world *world = *state;
    assert_candidates(world, "tra", "train ");
    assert_offers(world, "''", "experiments");
    assert_candidates(world, "comp", ""); /* hidden */
    assert_candidates(world, "-q gradc", "gradcheck ");
    assert_candidates(world, "help gradc", "gradcheck ");
    assert_candidates(world, "help train x", "");
    assert_candidates(world, "nonsense x", "");
    command_succeeds(world, "cnntrain complete -- tra");
    assert_string_equal(world->out, "train\ttrain one model\n");
}

static void options(void **state) {
    struct command_world *world = *state;
    assert_candidates(world, "train --ep", "--epochs ");
    assert_candidates(world, "--ep", "--epochs "); /* without a command: of train */
    assert_candidates(world, "train --no-c", "--no-color ");
    assert_candidates(world, "layers --ep", "");
    assert_candidates(world, "config init --cl", "--classes ");
    assert_candidates(world, "config init --sch", "");
    assert_candidates(world, "config --cl", "");
    assert_candidates(world, "config ini", "init ");
    assert_candidates(world, "config x ini", "");
    assert_candidates(world, "config init --pool MaxP", "MaxPooling2D ");
    assert_candidates(world, "config init --conv Separ", "SeparableConv2D ");
    assert_candidates(world, "config init --activation softp", "softplus ");
    assert_candidates(world, "config init --name sep_", "");
    assert_candidates(world, "train --epochs ''", "");
    assert_candidates(world, "train -c sep_max --see", "--seed ");
    assert_candidates(world, "train --resume --allow", "--allow-changes ");
}

static void configs(void **state) {
    struct command_world *world = *state;
    command_write(world, "sep_mine.json", "{\"extends\": \"base.json\"}");
    command_write(world, "sep_noted.jsonc", "{}");
    command_write(world, "sep.txt", "");
    assert_candidates(world, "train --config sep_m", "sep_max.json sep_mine.json ");
    assert_candidates(world, "train --config=sep_mi", "--config=sep_mine.json ");
    assert_candidates(world, "summary -c sep_n", "sep_noted.jsonc ");
    assert_candidates(world, "summary sep_max", "sep_max.json ");
    assert_candidates(world, "experiments si", "six.json ");
    assert_candidates(world, "train si", "");
    assert_candidates(world, "train --weights sep.", "sep.txt ");
}

static void data_and_folders(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p 'some pictures/cats' && touch pictures.png pictures.txt .hidden");
    assert_candidates(world, "data sv", "svhn: ");
    assert_candidates(world, "train --data=synt", "--data=synth ");
    assert_candidates(world, "data folder:some", "folder:some pictures/ ");
    assert_candidates(world, "data 'folder:some pictures/'", "folder:some pictures/cats/ ");
    assert_candidates(world, "train --out som", "some pictures/ ");
    assert_candidates(world, "train --out pict", "");
    assert_candidates(world, "predict model pict", "pictures.png ");
    assert_candidates(world, "predict model a.png b.png pict", "pictures.png ");
    assert_candidates(world, "train --weights .hid", ".hidden ");
    command(world, "HOME=$PWD cnntrain complete -- train --out '~/som'");
    assert_string_equal(world->out, "~/some pictures/\n");
}

static void models(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir -p runs/one runs/six/two-seed1 runs/empty && touch runs/one/last.safetensors "
                   "runs/six/two-seed1/last.safetensors own.safetensors");
    assert_candidates(world, "evaluate ru", "runs/ runs/one runs/six/two-seed1 ");
    assert_candidates(world, "evaluate runs/six/", "runs/six/two-seed1 runs/six/two-seed1/ ");
    assert_candidates(world, "evaluate own", "own.safetensors ");
    assert_candidates(world, "train --resume runs/o", "runs/one ");
    assert_candidates(world, "summary runs/o", "runs/one runs/one/ ");
}

static void layers_and_settings(void **state) {
    struct command_world *world = *state;
    assert_offers(world, "layers Sep", "SeparableConv2D");
    assert_offers(world, "layers opt", "optimizer");
    assert_candidates(world, "train --set training.epo", "training.epochs= ");
    assert_candidates(world, "train --set training.optimizer=SG", "training.optimizer=SGD ");
    assert_candidates(world, "train --set training.optimizer.momen", "training.optimizer.momentum= ");
    assert_candidates(world, "train --set=training.shuffle=f", "--set=training.shuffle=false ");
    assert_candidates(world, "train --set data.normalize=st", "data.normalize=standardize ");
    assert_candidates(world, "train --set training.on_nan=", "training.on_nan=skip training.on_nan=stop ");
    assert_candidates(world, "train --set nonsense.x", "");
    assert_candidates(world, "summary --style ker", "keras2 keras3 ");
    assert_candidates(world, "evaluate x --split v", "validation ");
    assert_candidates(world, "config ini", "init ");
}

/* A name with a newline would be two candidates. */
static void odd_names(void **state) {
    struct command_world *world = *state;
    command(world, "mkdir odd && touch \"$(printf 'odd/a\\nb.png')\" odd/ac.png");
    assert_candidates(world, "predict m odd/a", "odd/ac.png ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),         cmocka_unit_test(options), cmocka_unit_test(configs),
        cmocka_unit_test(data_and_folders), cmocka_unit_test(models),  cmocka_unit_test(layers_and_settings),
        cmocka_unit_test(odd_names),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
