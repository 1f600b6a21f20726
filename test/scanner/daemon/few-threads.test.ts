import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { lacks } from '../../needs.mjs'
import { reachable } from '../../programs/host/reachable.ts'
import { builds, runOnescand } from './process.ts'

/** onescand of an account that may have few threads and processes (ulimit -u). */

const compiled = builds.find(({ name }) => name === 'compiled')
const skip = lacks('root') || lacks('the compiled programs')

t.test(
  'below the threads that onescand needs it ends with a line that states it',
  { skip },
  async (t) => {
    for (const limit of [1, 4, 8, 10, 16, 23]) {
      // The processes of an account count together.
      const uid = 2_100_000 + process.pid * 64 + limit
      const program = ['/usr/bin/prlimit', `--nproc=${limit}`, reachable(compiled!.program[0]!)]
      const onescand = runOnescand(t, { program, uid, settings: { QHPSI: 'plugin: eicar' } })
      t.equal(await onescand.ended, 111, `${limit}`)
      t.match(onescand.log, [
        /^onescand: the system refuses threads: .*ulimit -u.*; it needs 24 to start$/,
      ])
      t.equal(onescand.log.length, 1)
    }
  },
)

t.test('with these threads onescand starts and scans', { skip }, async (t) => {
  const uid = 2_100_000 + process.pid * 64 + 63
  const program = ['/usr/bin/prlimit', '--nproc=25', reachable(compiled!.program[0]!)]
  const onescand = runOnescand(t, { program, uid, settings: { QHPSI: 'plugin: eicar' } })
  await onescand.logged(/serving/)
  const message = bytes(`Subject: x\n\n${'text '.repeat(200_000)}\n`)
  for (let count = 0; count < 3; count++) {
    const outcome = await onescand.ask({ message, variables: { QHPSI: 'plugin: eicar' } })
    t.equal(outcome.does, 'hand on', outcome.log)
  }
})
