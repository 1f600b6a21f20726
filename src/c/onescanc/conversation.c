/* The conversation with onescand: how much time of it scanners had, and its end. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

enum { ASK_AGAIN_FROM = 2000 /* milliseconds that must be left for scanners */ };

void question_is_sent(struct conversation *with) {
  with->asked = uptime();
}

/* Nothing is scanned before the acknowledgement. */
double time_used(const struct conversation *with) {
  return with->acknowledged ? with->used + uptime() - with->asked : with->used;
}

size_t time_for_scanners(const struct conversation *with) {
  long seconds = with->timeout < 0 ? SCANTIMEOUT_DEFAULT : with->timeout;
  double left = (double) seconds * 1e3 - time_used(with);
  return left < 1 ? 1 : (size_t) left;
}

void hang_up(struct conversation *with) {
  if (with->server >= 0)
    close(with->server);
  with->server = -1;
}

/* Only once per mail: it may be this mail that ended the process of onescand. */
int begin_anew(struct conversation *with) {
  with->used = time_used(with);
  with->acknowledged = 0;
  hang_up(with);
  return !with->has_begun_anew++ && time_for_scanners(with) >= ASK_AGAIN_FROM;
}
