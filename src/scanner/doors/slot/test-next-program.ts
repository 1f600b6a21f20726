/** The first line that the substitute for qmail-queue prints, on standard error. */
export const NEXT_PROGRAM_REACHED = 'onescan-check-chain'

/**
 * Prints the header in the shell alone: cat(1) does not run under the classic softlimit of 3 MB,
 * under which the real qmail-queue runs.
 */
const SHOW_HEADER = `exec >&2; echo ${NEXT_PROGRAM_REACHED}; while IFS= read -r line && test -n "$line"; do printf "%s\\n" "$line"; done; echo`

/**
 * QUEUECHAIN for the test message of `onescan check`: a program that prints the header that it receives, and
 * queues nothing.
 */
export const TEST_NEXT_PROGRAM = `/bin/sh -c '${SHOW_HEADER}'`

/** Returns whether the client sends that test message: it is not delivered, and not counted. */
export const isTestOfCheck = (variables: ReadonlyMap<string, string>): boolean =>
  variables.get('QUEUECHAIN') === TEST_NEXT_PROGRAM
