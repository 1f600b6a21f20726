import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * Small programs in the places of the real ones, which installed.test.ts has: the scripts
 * are what is tried here, many times.
 */
export function smallPrograms(t: Test): string {
  const slot = `case $0 in
      *onescan | *onescand) exit ;;
    esac
    mail=$(mktemp) || exit 64
    { printf 'X-QHPSI: clean\n'; cat; } >$mail
    exec <$mail
    rm $mail
    grep -q EICAR-STANDARD /proc/self/fd/0 && exit 31
    eval exec \${QUEUECHAIN:-/var/qmail/bin/qmail-queue}`
  const directory = t.testdir({
    'program.c': `#include <unistd.h>
      int main(int count, char **words) {
        execl("/bin/sh", "sh", "-c", ${JSON.stringify(slot)}, words[0], (char *)0);
        return 120;
      }`,
    programs: {},
  })
  const programs = join(directory, 'programs')
  execFileSync('cc', ['-o', join(programs, 'onescan-run'), join(directory, 'program.c')])
  for (const name of ['onescan', 'onescand', 'onescan-queue', 'onescanc']) {
    symlinkSync('onescan-run', join(programs, name))
  }
  return programs
}
