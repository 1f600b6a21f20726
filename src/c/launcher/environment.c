/* The environment of the runtime. */
#include "kernel.h"
#include "launcher.h"
#include "text.h"

/*
 * Tells smtp-delay(8) which signals were ignored: it must hand them on as they came, but the
 * runtime changes some of them.
 */
#define SIGNALS "SMTPDELAY_SIGIGN="

enum { SIGNAL_COUNT = 64, SIGNAL_DIGITS = SIGNAL_COUNT / 4, SIGNAL_SET_BYTES = SIGNAL_COUNT / 8 };

/*
 * Settings of the runtime for the slot, which lives for some ten milliseconds. With them the
 * runtime compiles no functions in advance of their use, except loops that go on, and prepares no
 * heap. That saves a quarter of the processor time of a small message. (The names begin with BUN_,
 * so no scanner and no next program sees them: src/ground/settings/environment.ts.)
 */
static const char slot_settings[][48] = {
    "BUN_JSC_thresholdForJITAfterWarmUp=20000",
    "BUN_JSC_thresholdForJITSoon=20000",
    "BUN_JSC_useWarmUpMarkedBlocks=0",
};

/*
 * Threads of onescan-quotad: the runtime reads this before any code of ours. Without it there are
 * as many as processors.
 */
static const char threads[] = "UV_THREADPOOL_SIZE=" QUOTAD_THREADS;

/* Whether the runtime, one of its parts or the dynamic linker would obey this variable. */
static int is_dropped(const char *variable) {
  static const char prefixes[][sizeof SIGNALS] = {"BUN_",      "NODE_", "JSC_",
                                                  "MIMALLOC_", "LD_",   SIGNALS};

  for (unsigned long i = 0; i < LENGTH(prefixes); i++)
    if (begins(variable, prefixes[i]))
      return 1;
  return 0;
}

/* The signals that are ignored, as the bits of SigIgn in proc(5). */
static unsigned long ignored_signals(void) {
  struct {
    unsigned long handler, flags, restorer, mask;
  } action;
  const unsigned long is_ignored = 1; /* SIG_IGN */
  unsigned long ignored = 0;

  for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
    if (call(__NR_rt_sigaction, signal, 0, (long) &action, SIGNAL_SET_BYTES) == 0
        && action.handler == is_ignored)
      ignored |= 1UL << (signal - 1);
  return ignored;
}

/* The variable that names the ignored signals, by 16 hexadecimal digits. */
static const char *signals_variable(void) {
  static char variable[sizeof SIGNALS + SIGNAL_DIGITS];
  unsigned long ignored = ignored_signals();
  char *digit = variable + sizeof SIGNALS - 1;

  copy(variable, SIGNALS);
  for (int shift = SIGNAL_COUNT - 4; shift >= 0; shift -= 4)
    *digit++ = "0123456789abcdef"[ignored >> shift & 15];
  *digit = 0;
  return variable;
}

const char **environment_for(const char *name, char *const *inherited) {
  unsigned long count = 0;

  while (inherited[count])
    count++;
  const char **environment = pointers(count + LENGTH(slot_settings) + 2);
  const char **next = environment;
  if (begins(name, "onescan-quotad"))
    *next++ = threads; /* the first of a name counts */
  for (; *inherited; inherited++)
    if (!is_dropped(*inherited))
      *next++ = *inherited;
  if (begins(name, "onescan-queue"))
    for (unsigned long i = 0; i < LENGTH(slot_settings); i++)
      *next++ = slot_settings[i];
  if (begins(name, "smtp-delay"))
    *next++ = signals_variable();
  *next = 0;
  return environment;
}
