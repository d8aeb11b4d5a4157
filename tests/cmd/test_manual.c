/* manual: pages as roff, made from the tables of commands, options and fields. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/command.h"

static const char *const names[] = {
#define COMMAND(symbol) #symbol,
#define HIDDEN_COMMAND(symbol)
#include "cmd/registry.def"
#undef HIDDEN_COMMAND
#undef COMMAND
    NULL,
};

static void a_page_for_each_command(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain manual --out pages");
    assert_string_equal(world->out, "");
    assert_true(command_has(world, "pages/cnntrain.1"));
    assert_true(command_has(world, "pages/cnntrain-config.5"));
    for (size_t i = 0; names[i]; i++) {
        struct text file = {0}, begin = {0};
        text_print(&file, "pages/cnntrain-%s.1", names[i]);
        text_print(&begin, "\n.SH NAME\ncnntrain\\-");
        for (const char *at = names[i]; *at; at++) text_print(&begin, *at == '_' ? "\\-" : "%c", *at);
        text_add(&begin, " \\- ");
        for (char *at = strchr(file.bytes, '_'); at; at = strchr(at, '_')) *at = '-'; /* lr_find is lr-find */
        char *page = command_read(world, file.bytes);
        assert_contains(page, begin.bytes);
        assert_contains(page, "\n.SH EXAMPLES\n");
        assert_contains(page, "\\fB\\-\\-threads\\fR \\fIN\\fR\n");
        free(page);
        text_free(&file);
        text_free(&begin);
    }
}

static void options_and_fields_stand_in_their_pages(void **state) {
    struct command_world *world = *state;
    command_succeeds(world, "cnntrain manual train");
    assert_starts_with(world->out, ".TH CNNTRAIN\\-TRAIN 1 ");
    assert_contains(world->out, "\n.TP\n\\fB\\-c\\fR, \\fB\\-\\-config\\fR \\fIFILE\\fR\nthe config to train\n");
    assert_contains(world->out, "\\fB\\-\\-resume\\fR goes on from there"); /* in prose */
    assert_contains(world->out, "such as \\(aqconv2d*\\(aq;");
    command_succeeds(world, "cnntrain manual");
    assert_starts_with(world->out, ".TH CNNTRAIN 1 ");
    assert_contains(world->out, "\n\\fBsvhn:\\fIPATH\\fR\n");
    assert_contains(world->out, "\n\\fBCNNTRAIN_DATA\\fR\n");
    command_succeeds(world, "cnntrain manual config.5");
    assert_contains(world->out, "\n\\fBtraining.epochs\\fR (integer, in [1, 1000000]; default 1)\n");
    assert_contains(world->out, "\n.SS SeparableConv2D\n");
    assert_contains(world->out, "\nAlso called SeparableConvolution2D.\n");
}

/* Text beside the macros that the pages use is text. */
static void no_line_is_a_macro_by_accident(void **state) {
    struct command_world *world = *state;
    static const char *const macros[] = {"TH", "SH", "SS", "TP", "PP", "BR", "nf", "fi", "br", "nh", "ad"};
    command_succeeds(world, "cnntrain manual --out pages && cat pages/*");
    for (const char *line = world->out; *line; line += strcspn(line, "\n") + 1) {
        assert_int_not_equal(*line, '\'');
        assert_int_not_equal(*line, '\n');
        if (*line != '.') continue;
        bool known = false;
        for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
            known = known || strncmp(line + 1, macros[i], 2) == 0;
        if (!known) fail_msg("%.*s", (int)strcspn(line, "\n"), line);
    }
}

static void wrong_pages(void **state) {
    struct command_world *world = *state;
    command_fails(world, "cnntrain manual trian", 2,
                  "trian: is no page of the manual; there are cnntrain, config.5, and one for each command");
    command_fails(world, "cnntrain manual train --out x", 2,
                  "train: one argument too many for cnntrain manual; see: cnntrain manual --help");
    command_write(world, "taken", "");
    command(world, "cnntrain manual --out taken/pages");
    assert_int_equal(world->code, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_for_each_command),
        cmocka_unit_test(options_and_fields_stand_in_their_pages),
        cmocka_unit_test(no_line_is_a_macro_by_accident),
        cmocka_unit_test(wrong_pages),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
