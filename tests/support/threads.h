/* For programs whose tests run more threads than there are cores. */
#ifndef CNNTRAIN_TESTS_SUPPORT_THREADS_H
#define CNNTRAIN_TESTS_SUPPORT_THREADS_H

/* Threads that wait are to sleep. OpenMP reads its environment before main, so the program starts itself once more;
 * call this first. */
void threads_wait_asleep(char **argv);

#endif
