/*
 * The launcher of the compiled onescan; launch.c says what it is for.
 *
 *   launch.c        the steps, in their order
 *   environment.c   the environment of the runtime
 *   memory.c        memory for both
 *   fail.c          the ways out, each with a line for the log
 *   text.h          strings
 *   kernel.h        system calls
 */
#ifndef ONESCAN_LAUNCHER_H
#define ONESCAN_LAUNCHER_H

#include "../tables.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

#define RUNTIME "onescan-runtime"

/* fail.c */

/* From here on failures are told as the slot tells them: in its log, not on descriptor 2. */
void fail_as_slot(char *const *environment);

/* Writes a whole line of the log, which ends in LF, and ends the process. */
_Noreturn void fail(int code, const char *line);

/* Says in the form of the slot's own log that the runtime cannot do something, and ends. */
#define CANNOT_RUN(why)                                                                            \
  fail(EXIT_CHAIN, "onescan: decision=defer fault=chain reason=\"" RUNTIME " " why "\" "           \
                   "exit=120\n")

/* memory.c: room for `count` pointers, which is never freed: the process becomes the runtime. */
const char **pointers(unsigned long count);

/* environment.c */

/*
 * Returns the environment for a program of the runtime, called `name`: without the variables that
 * the runtime, its parts or the dynamic linker would obey, and with those that this program needs.
 */
const char **environment_for(const char *name, char *const *inherited);

#endif
