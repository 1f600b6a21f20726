import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clamdMissing, startClamd } from '../programs/clamd.ts'
import { findProgram } from '../programs/install.mjs'
import { SIZES } from './cells.ts'
import { compiled } from './compile.ts'
import { contestants } from './contestants.ts'
import { drive } from './drive.ts'
import { chooseField } from './field.ts'
import { measure } from './measure.ts'
import { openWorkshop } from './workshop.ts'

const skip = clamdMissing || (!findProgram('cc') && 'install Debian package gcc')

t.test('the chain is the real qmail-queue if there is one', { skip }, async (t) => {
  const workshop = openWorkshop()
  t.teardown(workshop.remove)
  const missing = chooseField(workshop, '/nonexistent/qmail-queue')
  t.match(missing, { chain: compiled('sink'), queue: workshop.queue })

  // Told apart from the sink by what it refuses: an envelope with recipients.
  const real = join(workshop.directory, 'qmail-queue')
  const script = '#!/bin/sh\nexec 3<&1\ncat >/dev/null\n[ -z "$(cat <&3 | tr -dc T)" ] || exit 31\n'
  writeFileSync(real, script)
  chmodSync(real, 0o755)
  const field = chooseField(workshop, real)
  t.match(field, { chain: real, queue: undefined })

  const refused = await drive({
    program: [real],
    messages: [workshop.message('clean', SIZES[0]!)],
    count: 1,
    atOnce: 1,
    environment: {},
  })
  t.match(refused.passages, [{ code: 31 }])

  const clamd = await startClamd()
  t.teardown(clamd.stop)
  const cell = { kind: 'clean', size: SIZES[0]!, atOnce: 1, turns: 1, messages: 2 } as const
  for (const contestant of contestants().filter(({ missing }) => missing === undefined)) {
    if (contestant.daemon !== undefined) continue
    const lane = { contestant, environment: workshop.environment(clamd), servers: [clamd.pid] }
    const { trouble } = await measure(lane, cell, 0, field)
    t.equal(trouble, '', `${contestant.label} hands on mail to nobody`)
  }
})
