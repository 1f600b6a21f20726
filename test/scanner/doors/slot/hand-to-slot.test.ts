import t from 'tap'
import { handToSlot } from '../../../../src/scanner/doors/slot/hand-to-slot.ts'

const call = {
  message: [Buffer.from('Subject: x\n\n')],
  envelope: Buffer.alloc(0),
  environment: {},
}

t.test(
  'no timer is left of a program that cannot be started, or that was killed for its time',
  async (t) => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const program = ['/nonexistent/queue']
    await t.rejects(
      handToSlot({ ...call, program, timeout: 60_000 }),
      /cannot be started \(no such file or directory\)/,
    )
    t.equal(timers(), before)
    const slow = await handToSlot({ ...call, program: ['/bin/sleep', '60'], timeout: 100 })
    t.match(slow, { code: null, signal: 'SIGKILL', hasTimedOut: true })
    t.equal(timers(), before)
  },
)
