/* What the program does in a process of its own (core/isolate.h), in the harness's process instead or no more often
 * than once an input: a process takes a hundred times longer than most inputs. */
#ifndef CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_ISOLATE_H
#define CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_ISOLATE_H

/* From here on such work runs in this process, where the sanitizers watch it: for inputs that crash no library. */
void fuzz_isolate_inside(void);
/* A new input begins, all of whose such work is the same: it is done once, and the outcome told again. Without this
 * call it is done each time. */
void fuzz_isolate_once(void);

#endif
