import { once } from 'node:events'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newestNode } from '../../packaging/toolchain/toolchain.mjs'
import { writeAttributes } from '../../src/base/protocol/policy-attributes.ts'
import { bytes } from '../cases/case.ts'
import { readQuarantine } from '../cases/kept.ts'
import { infected, plain } from '../cases/messages.ts'
import { buildStage } from '../cases/stage.ts'
import { serve, visit } from '../delay/rig.ts'
import { allWait } from '../delay/waits.ts'
import { asOther, spool, startQuotad } from '../quota/quotad.ts'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { call, negotiate, packets } from '../scanner/doors/milter/mta.ts'
import { submit } from '../scanner/doors/milter/submit.ts'
import { runSlot } from '../scanner/doors/slot/slot.ts'
import { extendedAnswer, udpService } from '../scanner/scan/quota/services.ts'
import { hmacValue } from '../scanner/scan/stamps/independent.ts'
import { socketDirectory } from './host/socket-directory.ts'
import { faketimeMissing, steppedClock } from './host/stepped-clock.ts'

/**
 * The wall clock is stepped under each program. Times of other hosts and of files are compared with
 * the new time at once, while durations stay as long as they are.
 */

const HOUR = 3600
const DAY = 24 * HOUR

const root = join(import.meta.dirname, '../..')
const native = join(root, 'build/native/onescan-runtime')

/**
 * The programs without their launchers, which let no LD_PRELOAD through: on the newest Node and
 * compiled.
 */
const builds = [
  {
    name: 'on the newest Node',
    start: (name: string): [string, ...string[]] => [newestNode, join(root, `dist/${name}.cjs`)],
  },
  ...(existsSync(native)
    ? [
        {
          name: 'compiled',
          start: (name: string): [string, ...string[]] => [
            native,
            'login',
            name,
            join(root, 'build/native/onescan-run'),
          ],
        },
      ]
    : []),
]

/** Those that are tried: the last, and with `npm run test:nightly` both. */
const runtimes = isWhole ? builds : builds.slice(-1)

const secret = Buffer.alloc(32, 5)
const today = (seconds = 0) => new Date(Date.now() + seconds * 1000).toISOString().slice(0, 10)
const ring = [
  `hmac-sha256:alpha:${secret.toString('base64url')}`,
  `hmac-sha256:past:${secret.toString('base64url')}:until=${today(-DAY)}`,
].join('\n')

/** With a stamp of this many seconds ago. */
function stamped(age: number, id = 'alpha'): Buffer {
  const time = Math.floor(Date.now() / 1000) - age
  const value = hmacValue(plain, secret, { id, time, scanners: 'eicar,everypart' })
  return Buffer.concat([bytes(`X-SHA256-Cluster-1: ${value}\n`), plain])
}

for (const { name, start } of runtimes) {
  t.test(
    `onescand uses the clock after it was set right, ${name}`,
    { skip: faketimeMissing },
    (t) => trustAfterSteps(t, start('onescand')),
  )

  t.test(
    `mail kept while the clock was years slow stays, ${name}`,
    { skip: faketimeMissing },
    (t) => quarantineAfterSteps(t, start('onescand')),
  )

  t.test(
    `a plugin has its full time, whatever the clock does, ${name}`,
    { skip: faketimeMissing },
    (t) => pluginAfterSteps(t, start('onescand')),
  )

  t.test(
    `onescan-queue logs the time that has passed, not that of the clock, ${name}`,
    { skip: faketimeMissing },
    async (t) => {
      for (const seconds of [-2 * HOUR, 2 * HOUR]) {
        const clock = steppedClock(t, 0)
        const stage = buildStage(t)
        // At once: no program finds it half written.
        const step = `#!/bin/sh
echo '${seconds < 0 ? '' : '+'}${seconds}' >'${clock.file}.new' && mv '${clock.file}.new' '${clock.file}'
`
        const scanner = stage.file('steps-the-clock', step, 0o700)
        const { code, logged } = await runSlot({
          program: start('onescan-queue'),
          settings: { QHPSI: scanner, ...clock.environment },
        })
        t.equal(code, 0)
        const times = [...logged.matchAll(/(\w+)_ms=(\S+)/g)].map(([, , ms]) => Number(ms))
        t.ok(times.length > 2, logged)
        for (const time of times) t.ok(time >= 0 && time < (HOUR * 1000) / 2, logged)
      }
    },
  )

  t.test(
    `onescan-quotad sees changes of a Maildir after a step of the clock, ${name}`,
    { skip: faketimeMissing },
    async (t) => {
      const clock = steppedClock(t, 0)
      const directory = spool(t, { 'ann/maildirsize': '1000S\n600 1\n', quotas: 'ann: 1000S\n' })
      const quotad = await startQuotad(
        t,
        {
          QUOTAMAILBOX: `maildir:${directory}/%u`,
          QUOTAMAP: `${directory}/quotas`,
        },
        [],
        // libfaketime makes a semaphore for the first program, and only its user may open that.
        asOther(
          'env',
          ...Object.entries(clock.environment).map(([name, value]) => `${name}=${value}`),
          ...start('onescan-quotad'),
        ),
      )
      t.match(await quotad.ask('CHECK_QUOTA ann'), /^QUOTA_OK/)
      clock.set(-HOUR)
      writeFileSync(`${directory}/quotas`, 'ann: 500S\n')
      const end = performance.now() + 20_000
      let answer = ''
      while (!answer.startsWith('QUOTA_FULL') && performance.now() < end) {
        answer = await quotad.ask('CHECK_QUOTA ann')
      }
      t.match(answer, /^QUOTA_FULL/)
    },
  )

  t.test(
    `answers about mailboxes last as long as without a step of the clock, ${name}`,
    { skip: faketimeMissing },
    (t) => quotaAfterSteps(t, start('onescand')),
  )

  t.test(
    `smtp-delay waits its full time over a step of the clock, ${name}`,
    { skip: faketimeMissing },
    async (t) => {
      const clock = steppedClock(t, 0)
      const words = [...allWait(1), '--dns-timeout', '0.1']
      const served = await serve(t, {
        words: [...start('smtp-delay'), ...words],
        environment: clock.environment,
      })
      for (const seconds of [-HOUR, HOUR]) {
        const visited = visit(served.port, { late: 'QUIT\r\n' })
        setTimeout(clock.set, 300, seconds)
        const { replies, greetedAfter } = await visited
        t.match(replies, /^220 behind/)
        t.ok(greetedAfter > 900, `greeted after ${greetedAfter} ms`)
      }
    },
  )
}

/** A daemon that was started while the clock was wrong, by the slot's socket and as a milter. */
async function trustAfterSteps(t: Test, program: readonly string[]): Promise<void> {
  for (const wrong of [-2 * HOUR, -3 * DAY, 2 * HOUR]) {
    const clock = steppedClock(t, wrong)
    const stage = buildStage(t)
    const milter = join(stage.directory, 'm')
    const settings = {
      QHPSI: 'plugin: eicar',
      CLUSTERKEYS: stage.file('ring', `${ring}\n`),
      CLAMDBDIR: '/nonexistent',
      VERDICTS: 'off', // or what is not trusted would be known
    }
    const onescand = await startOnescand(t, {
      program,
      args: ['--milter', `unix:${milter}`],
      settings: { ...settings, ...clock.environment },
    })
    clock.set(0)

    const bySlot = async (message: Buffer) => {
      const { log } = await onescand.ask({ variables: { QHPSI: settings.QHPSI }, message })
      return /scan=(\w+)/.exec(log)?.[1]
    }
    const byMilter = async (message: Buffer) => {
      const line = await call(milter)
      const agreed = await negotiate(line)
      line.write(packets.connect())
      const before = onescand.log.length
      await submit(line, agreed, { message })
      line.write(packets.quit)
      await line.close()
      await until(() => onescand.log.length > before, 'the message is logged')
      return /scan=(\w+)/.exec(onescand.log[before]!)?.[1]
    }
    for (const judge of [bySlot, byMilter]) {
      t.equal(await judge(stamped(5)), 'trusted', `a stamp of now, the clock was ${wrong} s off`)
      t.equal(await judge(stamped(7000)), 'clean', `an old stamp, the clock was ${wrong} s off`)
      t.equal(await judge(stamped(5, 'past')), 'clean', `an old key, it was ${wrong} s off`)
    }
  }
}

/**
 * A host that starts with an old clock keeps mail, and onescand is started again when the clock is right. Each
 * start sweeps the quarantine.
 */
async function quarantineAfterSteps(t: Test, program: readonly string[]): Promise<void> {
  const clock = steppedClock(t, -6 * 365 * DAY)
  const stage = buildStage(t)
  const { quarantine } = stage
  const variables = { QHPSI: stage.scanner, QUARANTINE: quarantine }
  const start = async (limits = {}) => {
    const settings = { ...variables, ...limits, ...clock.environment }
    return startOnescand(t, { program, settings })
  }
  const first = await start()
  for (let count = 0; count < 20; count++) {
    // Each another one, since a message that comes again is kept once.
    const message = Buffer.concat([bytes(`X-Number: ${count}\n`), infected])
    const { does, log } = await first.ask({ variables, message })
    t.equal(does, 'end', log)
  }
  first.kill()
  await first.ended

  clock.set(0)
  const messages = readdirSync(quarantine, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\/(?:new|cur)\//.test(name))
    .map((name) => statSync(join(quarantine, name)).size)
  const limit = messages.reduce((sum, size) => sum + size) - 1 // one byte less than is there
  const second = await start({ QUARANTINESIZE: String(limit) }) // the line shows that it has swept
  await second.logged(/quarantine: .* over its limits/)
  t.match(second.log.join('\n'), 'quarantine: 1 messages over its limits were removed, 19 remain')
  const kept = await readQuarantine(quarantine)
  t.equal(kept.length, 19)
  t.ok(kept.every(({ record }) => Date.parse(record.time) < Date.now() - 5 * 365 * DAY * 1000))
}

/**
 * Checks how long answers about mailboxes last over steps of the clock: a full one is remembered
 * for half a minute.
 */
async function quotaAfterSteps(t: Test, program: readonly string[]): Promise<void> {
  const clock = steppedClock(t, 0)
  const service = await udpService(t, extendedAnswer({ 'full@example.org': [100, 100] }))
  const path = join(socketDirectory(t), 'p')
  await startOnescand(t, {
    program,
    args: ['--policy', `unix:${path}`],
    settings: { QUOTAD: `quotad:127.0.0.1:${service.port}`, ...clock.environment },
  })
  const ask = async () => {
    const line = connect(path)
    const about = { protocol_state: 'RCPT', recipient: 'full@example.org' }
    line.write(writeAttributes({ request: 'smtpd_access_policy', ...about }))
    const [answer] = await once(line, 'data')
    line.destroy()
    return answer.toString('latin1')
  }
  t.match(await ask(), /^action=452 4\.2\.2 /)
  for (const seconds of [2 * HOUR, -2 * HOUR]) {
    clock.set(seconds)
    t.match(await ask(), /^action=452 4\.2\.2 /)
  }
  t.equal(service.heard.length, 1, 'the service was asked once')
}

/** The plugin looks at its signal after the time in which a wrong timer would have fired. */
const patient = `export async function virusscan({ signal }) {
  await new Promise((resolve) => setTimeout(resolve, 200))
  if (signal.aborted) throw new Error('aborted')
  return { clean: true }
}
`

async function pluginAfterSteps(t: Test, program: readonly string[]): Promise<void> {
  const clock = steppedClock(t, -2 * HOUR)
  const stage = buildStage(t)
  stage.file('patient.mjs', patient, 0o644)
  const onescand = await startOnescand(t, {
    program,
    settings: { QHPSI: 'plugin: patient.mjs', PLUGINDIR: stage.directory, ...clock.environment },
  })
  for (const seconds of [0, 2 * HOUR, -2 * HOUR]) {
    clock.set(seconds)
    const variables = { QHPSI: 'plugin: patient.mjs', PLUGINDIR: stage.directory }
    const { does, log } = await onescand.ask({ variables })
    t.equal(does, 'hand on', log)
    t.match(log, /scan=clean/)
  }
}
