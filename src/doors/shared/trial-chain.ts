/** What the program says first, on standard error. */
export const CHAIN_REACHED = 'onescan-check-chain'

/** In the shell alone: under the classic softlimit of 3 MB the real qmail-queue runs, and cat(1) does not. */
const SHOW_HEADER = `exec >&2; echo ${CHAIN_REACHED}; while IFS= read -r line && test -n "$line"; do printf "%s\\n" "$line"; done; echo`

/**
 * QUEUECHAIN for the trial mail of `onescan check`: in place of qmail-queue stands a program that shows
 * the header that it got, and queues nothing.
 */
export const TRIAL_CHAIN = `/bin/sh -c '${SHOW_HEADER}'`

/**
 * The milter's macro by which `onescan check` says that its mail is a trial. No SMTP client can say so:
 * macros are the MTA's, and whoever speaks the milter protocol himself has nothing delivered.
 */
export const TRIAL_MACRO = 'onescan_trial'
