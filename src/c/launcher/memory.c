/* Memory for the words and the environment of the runtime, by brk(2). */
#include "kernel.h"
#include "launcher.h"

/* Returns where the program's memory ends now: at `wanted`, or where it was if that is impossible.
 */
static unsigned long move_end(unsigned long wanted) {
  return (unsigned long) call(__NR_brk, (long) wanted, 0, 0, 0);
}

const char **pointers(unsigned long count) {
  const unsigned long size = sizeof(const char *);
  unsigned long start = (move_end(0) + size - 1) / size * size;
  unsigned long end = start + count * size;

  if (move_end(end) != end)
    fail(EXIT_NO_MEMORY, "onescan: decision=defer fault=out-of-memory reason=\"no memory for the "
                         "words and the environment of " RUNTIME "\" exit=51\n");
  return (const char **) start;
}
