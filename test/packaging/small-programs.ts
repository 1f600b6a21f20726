import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  programs as list,
  programsInC,
  startedByOthers,
} from '../../packaging/builds/program-list.cjs'

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
  mkdirSync(join(programs, 'runtime'))
  for (const name of ['onescan-runtime', 'onescan.node', ...programsInC]) {
    symlinkSync('onescan-run', join(programs, name))
  }
  for (const name of Object.keys(list)) {
    if (!startedByOthers.includes(name)) symlinkSync('onescan-run', join(programs, name))
    symlinkSync('../onescan-runtime', join(programs, 'runtime', name))
  }
  return programs
}
