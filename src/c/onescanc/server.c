/* The conversation with onescand: its connection, and how much time of it scanners had. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

int server = -1;
double deadline;
int acknowledged;
static double asked; /* when the whole question was sent */
static double used;  /* milliseconds of conversations that broke off */

void question_is_sent(void) {
  asked = now();
}

/* Nothing is scanned before the acknowledgement. */
double time_used(void) {
  return acknowledged ? used + now() - asked : used;
}

void hang_up(void) {
  if (server >= 0)
    close(server);
  server = -1;
}

void break_off(void) {
  used = time_used();
  acknowledged = 0;
  hang_up();
}
