import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { queueLength } from '../../../../../src/scanner/cli/check/test-mail/mail-queue.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

t.test(
  'the length of the queue is in the last line of the list of Postfix and Sendmail',
  async (t) => {
    const program = join(openDirectory(t), 'sendmail')
    const lengthFor = (printed: string) => {
      writeFileSync(program, `#!/bin/sh\n[ "$*" = -bp ] && cat <<'END'\n${printed}\nEND\n`, {
        mode: 0o755,
      })
      return queueLength(program)
    }
    const listed =
      '4A1*     312 Sun Nov 29 21:00:00  a@example.org\n                                 Total requests: 7@example.org\n'
    t.equal(await lengthFor(`${listed}\n-- 1234 Kbytes in 312 Requests.`), 312)
    t.equal(await lengthFor('-- 0 Kbytes in 1 Request.'), 1)
    t.equal(await lengthFor(`${listed}\t\tTotal requests: 12`), 12)
    t.equal(await lengthFor('Mail queue is empty'), undefined)
    t.equal(await lengthFor(' 5m  312 1abcde-000001-2x <a@example.org>'), undefined, "Exim's")
    t.equal(await queueLength('/nonexistent'), undefined)
  },
)
