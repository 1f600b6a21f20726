/*
 * The floor: the least that a wrapper must do that has each message scanned
 * and tags it. An unlinked file, its descriptor to clamd (clamd(8), FILDES),
 * the answer, a tag in the gap before the message, exec. It neither looks at the
 * envelope nor at the header, has no deadline and no log; nobody should run it.
 *
 * CLAMD is the path of clamd's socket, QUEUECHAIN the next program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clamd.h"

enum { WRITE = 53, READ = 54, TEMPORARY_FILE = 64, CHAIN = 120 };

static const char tag[] = "X-QHPSI: virus found\n";
#define GAP ((off_t) sizeof tag - 1)

static void spool(int file)
{
  static char piece[65536];
  off_t at = GAP;
  for (;;) {
    ssize_t count = read(0, piece, sizeof piece);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) _exit(READ);
    if (count == 0) return;
    if (pwrite(file, piece, count, at) != count) _exit(WRITE);
    at += count;
  }
}

int main(void)
{
  const char *directory = getenv("TMPDIR"), *chain = getenv("QUEUECHAIN");
  int file = open(directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file == -1) _exit(TEMPORARY_FILE);
  spool(file);
  int clamd = connect_to_clamd(getenv("CLAMD"));
  send_descriptor(clamd, file);
  int infected = is_infected(clamd);
  if (infected && pwrite(file, tag, GAP, 0) != GAP) _exit(WRITE);
  if (lseek(file, infected ? 0 : GAP, SEEK_SET) == -1 || dup2(file, 0) == -1) _exit(WRITE);
  if (chain) execl(chain, chain, (char *) NULL);
  _exit(CHAIN);
}
