/*
 * A client of clamd: fildes SOCKET FILE... has each file scanned by its
 * descriptor (clamd(8), FILDES), one after the other, each on a connection of its
 * own. Prints milliseconds, a line each, from before it connects until it has the
 * answer. Ends with 1 if a file is infected.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clamd.h"

static double milliseconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
  if (argc < 3) return 100;
  for (char **name = argv + 2; *name; ++name) {
    int file = open(*name, O_RDONLY | O_CLOEXEC);
    if (file == -1) return 111;
    double start = milliseconds_now();
    int clamd = connect_to_clamd(argv[1]);
    send_descriptor(clamd, file);
    if (is_infected(clamd)) return 1;
    printf("%.3f\n", milliseconds_now() - start);
    close(clamd);
    close(file);
  }
  return 0;
}
