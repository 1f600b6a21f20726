import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenOf, startOnescand } from '../../doors/daemon/process.ts'
import { call, everything, negotiate, says } from '../../doors/milter/mta.ts'
import { submit } from '../../doors/milter/submit.ts'
import { numbered, sessionStandIn } from '../../scan/clamd/session-stand-in.ts'

/** What one run came to. */
export interface PoisonRun {
  readonly deaths: number
  readonly others: number
  readonly deferred: number
  readonly poison: number
}

interface Setup {
  /** Milliseconds. */
  readonly lasts: number
  /** Milliseconds until clamd is there again. */
  readonly restart: number
  /** Other messages at once. */
  readonly atOnce: number
}

/**
 * Poison that is another message each time, from one client, and other mail beside it, by milter:
 * the built onescand with two workers, and a server in clamd's place that dies of a word and is
 * away for a while.
 */
export async function runPoison(
  t: { teardown(stop: () => unknown): void },
  program: readonly string[],
  { lasts, restart, atOnce }: Setup,
): Promise<PoisonRun> {
  let deaths = 0
  let isDead = false
  const clamd = await sessionStandIn(
    t,
    (asked) => {
      setTimeout(() => {
        if (!asked.message.includes('poison')) return numbered('stream: OK')(asked)
        if (isDead) return
        isDead = true
        deaths++
        clamd.die()
        setTimeout(() => {
          if (performance.now() < until) clamd.revive()
          isDead = false
        }, restart)
      }, 5)
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const directory = mkdtempSync(join(tmpdir(), 'onescan-poison-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const place = join(directory, 'm')
  const onescand = startOnescand(t, {
    program,
    args: ['--workers', '2', '--socket', 'none', '--milter', `unix:${place}`],
    settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' },
  })
  await onescand.logged(/serving/)
  if (childrenOf(onescand.pid).length !== 2) throw new Error('two workers were to serve')
  const until = performance.now() + lasts
  let poison = 0
  let others = 0
  let deferred = 0
  const send = async (client: string, sender: string, text: string) => {
    const line = await call(place)
    const agreed = await negotiate(line, everything)
    line.write(says.connect(client))
    const { outcome } = await submit(line, agreed, { message: Buffer.from(text), sender })
    line.write(says.quit)
    await line.close()
    return outcome
  }
  const other = async () => {
    while (performance.now() < until) {
      const n = others++
      const from = `user${n % 97}@example.org`
      const text = `From: ${from}\nSubject: ${n}\n\n${'text '.repeat(n % 251)}\n`
      if ((await send(`192.0.2.${n % 101}`, from, text)) !== 'delivered') deferred++
    }
  }
  const attacker = async () => {
    while (performance.now() < until) {
      const n = poison++
      const text = `From: a\nSubject: ${n * 7919}\n\npoison ${'x'.repeat(n * 37)}\n`
      await send('198.51.100.7', `${n}@attack.example`, text)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  await Promise.all([attacker(), attacker(), ...Array.from({ length: atOnce }, other)])
  return { deaths, others, deferred, poison }
}
