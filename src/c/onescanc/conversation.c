/* The conversation with onescand: its descriptor, and how much time of it scanners had. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

enum { ASK_AGAIN_FROM = 2000 /* milliseconds that must be left for scanners */ };

int server = -1;
int acknowledged;
static double asked; /* when the whole question was sent */
static double used;  /* milliseconds of conversations that broke off */

void question_is_sent(void) {
  asked = uptime();
}

/* Nothing is scanned before the acknowledgement. */
double time_used(void) {
  return acknowledged ? used + uptime() - asked : used;
}

size_t time_for_scanners(void) {
  long seconds = caller.timeout < 0 ? SCANTIMEOUT_DEFAULT : caller.timeout;
  double left = (double) seconds * 1e3 - time_used();
  return left < 1 ? 1 : (size_t) left;
}

void hang_up(void) {
  if (server >= 0)
    close(server);
  server = -1;
}

/* Only once per mail: it may be this mail that ended the process of onescand. */
int begin_anew(void) {
  static int has_begun_anew;
  used = time_used();
  acknowledged = 0;
  hang_up();
  return !has_begun_anew++ && time_for_scanners() >= ASK_AGAIN_FROM;
}
