/* What may stand in the place of FILE, SPEC, MODEL and other words that usages and options name. */
#ifndef CNNTRAIN_CMD_COMPLETE_VALUES_H
#define CNNTRAIN_CMD_COMPLETE_VALUES_H

#include "cmd/session.h"

/* A word that a shell wants to be completed, and the candidates so far: lines of "CANDIDATE" or
 * "CANDIDATE<tab>MEANING". One that ends in / = or : is not the end of a word. */
struct completion {
    struct session *session;
    const struct command *command; /* whose word it is; NULL: none yet */
    const char *prefix;            /* what of the word is settled, such as "--data=" */
    const char *word;              /* the rest of it, as far as it was typed */
    struct text lines;
};

/* Adds the candidate if the word begins like it; `meaning` may be NULL. */
void complete_offer(struct completion *completion, const char *candidate, const char *meaning);
/* Whatever the placeholder of an option (its name without "--") or of an argument (option NULL) stands for: "FILE",
 * "SPEC", "MODEL", "keras2|keras3" and so on; nothing where it is not known. */
void complete_value(struct completion *completion, const char *option, const char *placeholder);

#endif
