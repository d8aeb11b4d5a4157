#include "cmd/ending.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char *last_words;

static void say(void) {
    if (last_words) fprintf(stderr, "error: %s\n", last_words);
}

void ending_says(const char *message) {
    static bool registered;
    last_words = message;
    if (!registered) registered = atexit(say) == 0;
}
