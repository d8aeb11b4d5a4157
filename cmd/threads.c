/* How threads wait for each other, settled before OpenMP's runtime starts.
 *
 * GCC's runtime lets a thread that waits spin for about a millisecond. On a machine that is busy with other work the
 * spinning takes the processor from the very thread that is waited for, and a training step becomes several times
 * slower; a short spin costs nothing measurable on a quiet machine. The runtime reads the environment once, in a
 * constructor of its own: it is linked into the program, where constructors run by priority, so this one is first. */
#include <stdlib.h>

#include "cmd/ending.h"

/* The runtime's own constructor ends the program where it gets no memory. */
__attribute__((constructor(101))) static void wait_briefly(void) {
    ending_says("not enough memory for OpenMP's runtime");
    if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "1000", 0);
}
