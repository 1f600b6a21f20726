import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../needs.mjs'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { call, everything, negotiate, packets } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { newest, startOnescand } from './process.ts'

/**
 * What happens to mail at the memory limit of the unit (MemoryMax). Files in memory count for it,
 * and the kernel kills any of the processes. A message may be deferred, or its connection may
 * break, and the MTA defers it. No message that was to be refused may come through.
 */

/** The directory in which a control group with a memory limit can be made. */
const GROUPS = '/sys/fs/cgroup/memory'
const LIMIT = 'memory.limit_in_bytes'
const skip =
  lacks('root') || (!existsSync(join(GROUPS, LIMIT)) && `no memory controller at ${GROUPS}`)

/** Beyond what is in use by processes that do nothing: less than the messages have together. */
const ROOM = 48 * 1024 * 1024
const MESSAGES = 12
const SIZE = 6 * 1024 * 1024

// promise: client-memory-limit
t.test(
  'at the memory limit of its unit no mail passes that was to be refused',
  { skip },
  async (t) => {
    const group = join(GROUPS, `onescan-test-${process.pid}`)
    mkdirSync(group)
    const place = join(socketDirectory(t), 'm')
    t.teardown(() => removeGroup(group))
    const own = (name: string) => Number(readFileSync(join(group, name), 'latin1'))
    await startOnescand(t, {
      program: ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`, ...newest],
      args: ['--workers', '2', '--memory', '256M', '--milter', `unix:${place}`],
      settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
    })
    writeFileSync(join(group, LIMIT), String(own('memory.usage_in_bytes') + ROOM))

    const rest = Buffer.alloc(SIZE, 'a line of a large message\n')
    const mail = (n: number, text: string) =>
      Buffer.concat([Buffer.from(`Subject: ${n}\n\n`), rest, Buffer.from(text)])
    const outcomes = await Promise.all(
      Array.from({ length: MESSAGES }, async (_, n) => {
        const isInfected = n % 2 === 0
        const outcome = await send(place, mail(n, isInfected ? EICAR : 'clean\n'))
        return { isInfected, outcome }
      }),
    )
    t.comment(outcomes.map(({ outcome }) => outcome).join(' '))
    t.ok(own('memory.failcnt') > 0, 'the limit was reached')
    for (const { isInfected, outcome } of outcomes) {
      t.match(outcome, isInfected ? /^(refused|deferred|broken)$/ : /^(delivered|deferred|broken)$/)
    }

    writeFileSync(join(group, LIMIT), '-1')
    const after = async (message: Buffer) => {
      for (;;) {
        const outcome = await send(place, message)
        if (outcome !== 'broken') return outcome
      }
    }
    t.equal(await after(mail(MESSAGES, 'clean\n')), 'delivered', 'it goes on by itself')
    t.equal(await after(mail(MESSAGES + 1, EICAR)), 'refused')
  },
)

/** `broken`: the milter closed the connection without an answer, or does not listen. */
async function send(place: string, message: Buffer): Promise<string> {
  try {
    const line = await call(place)
    try {
      const agreed = await negotiate(line, everything)
      line.write(packets.connect())
      return (await submit(line, agreed, { message })).outcome
    } finally {
      line.socket.destroy()
    }
  } catch {
    await wait(20)
    return 'broken'
  }
}

/** Removes the control group once its processes have ended. */
async function removeGroup(group: string): Promise<void> {
  for (;;) {
    const left = readFileSync(join(group, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)
    for (const pid of left) execFileSync('kill', ['-9', pid], { stdio: 'ignore' })
    if (left.length === 0) break
    await wait(20)
  }
  rmdirSync(group)
}
