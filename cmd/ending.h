/* Words for the case that a library ends the program: some do so where they get no memory. */
#ifndef CNNTRAIN_CMD_ENDING_H
#define CNNTRAIN_CMD_ENDING_H

/* From here on an exit prints "error: MESSAGE" on stderr, whoever calls it; NULL: no longer. The text must live on. */
void ending_says(const char *message);

#endif
