/* Ctrl-C, SIGTERM and SIGHUP. Where nothing is at stake they end the program at once, with exit code 130; where
 * something is, they ask whoever works to stop, and a second one ends the program at once. */
#ifndef CNNTRAIN_CMD_SIGNALS_H
#define CNNTRAIN_CMD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* From here on; nothing is at stake yet. Called once, by the main thread. */
void signals_catch(void);
/* Not 0 once somebody is asked to stop. */
const volatile sig_atomic_t *signals_stop(void);
/* Whether something is at stake: whoever works then looks at signals_stop often. */
void signals_guard(bool is_at_stake);
/* The sentence for users where a signal ends the program at once; it must stay. NULL: the usual one. */
void signals_say(const char *sentence);

#endif
