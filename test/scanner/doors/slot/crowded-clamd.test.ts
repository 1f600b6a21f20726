import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { runSlot, runtimes } from './slot.ts'

/** A clamd as Debian sets it up: it serves 100 connections, and 15 wait. */
const asPackaged = { maxConnectionQueueLength: 15 }

const settings = { QHPSI: 'plugin: clamd', REJECTVIRUS: '1' }

function mail(index: number): {
  readonly message: Buffer
  readonly expected: 'passes' | 'refused'
} {
  const infected = index % 10 === 9
  const body = infected ? EICAR : `line ${index}\n`.repeat(2000)
  const expected = infected ? 'refused' : 'passes'
  return { message: Buffer.from(`Subject: ${index}\n\n${body}\n`), expected }
}

/** Fewer processes on Node, where each takes some 40 MB. */
const standalone = runtimes.map((runtime) => ({
  ...runtime,
  count: runtime.name === 'compiled' ? 130 : 60,
}))
const ways = [
  ...standalone.map((runtime) => ({ ...runtime, where: 'socket' as const })),
  // Full queues look alike to all of them there.
  ...(isWhole ? [{ ...standalone.at(-1)!, where: 'tcp' as const }] : []),
]

for (const { name, program, count, where } of ways) {
  t.test(
    `${count} messages at once, each a process ${name} that asks clamd's ${where}: none is deferred`,
    { skip: clamdMissing },
    async (t) => {
      const clamd = await startClamd(t, { ...asPackaged, tcp: true })
      const mails = Array.from({ length: count }, (_, index) => mail(index))
      process.kill(clamd.pid, 'SIGSTOP') // so that its queue is full, however fast it is
      let running = mails.length
      const results = mails.map(async ({ message }) => {
        const slot = { ...settings, CLAMD: clamd[where] }
        const { code, deliveries, logged } = await runSlot({ program, message, settings: slot })
        running--
        if (code === 0 && deliveries.length === 1) return 'passes'
        return code === 31 ? 'refused' : `${code} ${logged}`
      })
      await new Promise((resolve) => setTimeout(resolve, 4000))
      t.equal(running, mails.length, 'all of them wait')
      process.kill(clamd.pid, 'SIGCONT')
      t.same(
        await Promise.all(results),
        mails.map(({ expected }) => expected),
      )
    },
  )
}
