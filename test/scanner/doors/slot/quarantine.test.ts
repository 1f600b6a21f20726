import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readQuarantine } from '../../../cases/kept.ts'
import { infected } from '../../../cases/messages.ts'
import { type BuiltStage, buildStage } from '../../../cases/stage.ts'
import { lacks, programPath } from '../../../needs.mjs'
import { newest, runSlot, runtimes } from './slot.ts'
import { cannotMount, mountSmall } from './small-disk.ts'

/**
 * The slot and its quarantine: a message for which the slot ended with 0 is kept, whatever happens.
 */

const today = `.${new Date().toISOString().slice(0, 10)}`

for (const { name, program } of runtimes) {
  t.test(`the slot ${name} defers for a quarantine that others may enter`, async (t) => {
    const stage = buildStage(t)
    const quarantine = join(stage.directory, 'open')
    mkdirSync(quarantine, 0o755)
    const run = await send(program, stage, infected, quarantine)
    t.equal(run.code, 55, run.logged)
    t.match(run.logged, /decision=defer fault=config reason="QUARANTINE/)
    t.match(run.logged, /mode 0755 lets other users in; run chmod 700 on it/)
    t.same(run.deliveries, [])
    t.same(readdirSync(quarantine), [])
  })
}

t.test('nothing is kept for some recipients that cannot go on to the others', async (t) => {
  const { scanner: QHPSI, quarantine: QUARANTINE, directory, rules } = buildStage(t)
  const settings = { QHPSI, QUARANTINE, CONTROLDIR: rules('to=skip.example scan off\n') }
  const envelope = Buffer.from('Fa@example.org\0Tb@keep.example\0Tc@skip.example\0\0')
  const mail = { message: infected, envelope }
  const failed = { ...settings, QUEUECHAIN: join(directory, 'nothing') }
  t.equal((await runSlot({ ...mail, settings: failed })).code, 120)
  t.same(await readQuarantine(QUARANTINE), [], 'the client will send it again')
  t.equal((await runSlot({ ...mail, settings })).deliveries.length, 1)
  t.equal((await readQuarantine(QUARANTINE)).length, 1)
})

t.test('a next program that defers again and again leaves one copy of what is kept', async (t) => {
  const { scanner: QHPSI, quarantine: QUARANTINE, rules } = buildStage(t)
  const settings = { QHPSI, QUARANTINE, CONTROLDIR: rules('to=skip.example scan off\n') }
  const envelope = Buffer.from('Fa@example.org\0Tb@keep.example\0Tc@skip.example\0\0')
  for (let n = 0; n < 7; n++) {
    const message = Buffer.concat([Buffer.from(`Received: from a by b; try ${n}\n`), infected])
    const failing = { ...settings, STANDIN_EXIT: '71' }
    t.equal((await runSlot({ message, envelope, settings: failing })).code, 71)
  }
  const kept = await readQuarantine(QUARANTINE)
  t.match(kept, [{ record: { recipients: ['b@keep.example'] }, state: 'kept' }])
  t.equal(kept.length, 1)
})

const missing = lacks('strace')

t.test(
  'if the disk is full, mail for the quarantine is deferred, and nothing is left there',
  { skip: missing },
  async (t) => {
    for (const call of ['fsync', 'rename']) {
      const stage = buildStage(t)
      await send(newest, stage, another()) // the directories are there then
      const run = await send(injecting(`${call}:error=ENOSPC:when=1`), stage)
      t.equal(run.code, 53, run.logged)
      t.match(run.logged, /decision=defer fault=write reason="QUARANTINE .*no space left/)
      t.equal((await readQuarantine(stage.quarantine)).length, 1, 'the first one alone')
      const folder = join(stage.quarantine, 'virus', today)
      t.same(readdirSync(join(folder, 'tmp')), [], 'not even in tmp/')
    }
  },
)

t.test(
  'a Maildir on another file system keeps mail until that is full',
  { skip: cannotMount },
  async (t) => {
    const stage = buildStage(t)
    const maildir = mountSmall(t, join(stage.quarantine, 'virus'))
    t.equal((await send(newest, stage, another())).code, 0)
    t.equal((await readQuarantine(stage.quarantine)).length, 1)
    fill(maildir)
    const run = await send(newest, stage)
    t.equal(run.code, 53, run.logged)
    t.match(run.logged, /decision=defer fault=write reason="QUARANTINE .*no space left/)
    t.equal((await readQuarantine(stage.quarantine)).length, 1)
    t.same(readdirSync(join(maildir, today, 'tmp')), [], 'nothing is left')
    rmSync(join(maildir, 'filler'))
    t.equal((await send(newest, stage)).code, 0, 'there is room again')
  },
)

t.test(
  'with a part of the Maildir on another file system, mail for it is deferred',
  { skip: cannotMount },
  async (t) => {
    const stage = buildStage(t)
    const part = mountSmall(t, join(stage.quarantine, 'virus', today, 'new'))
    const run = await send(newest, stage)
    t.equal(run.code, 55, run.logged)
    t.match(run.logged, /decision=defer fault=config reason="QUARANTINE .*on another file system/)
    t.same(readdirSync(part), [])
    t.same(readdirSync(join(part, '../tmp')), [])
  },
)

/** Fills a file system. */
function fill(directory: string): void {
  try {
    writeFileSync(join(directory, 'filler'), Buffer.alloc(1024 * 1024))
  } catch {
    // That was the point.
  }
}

/**
 * A step, whether the folder of the day is there already, and how many are kept although nothing
 * was answered.
 */
const steps: readonly (readonly [call: string, when: number, isThere: boolean, kept: number])[] = [
  ...[1, 2, 5, 6, 9].map((when) => ['mkdir', when, false, 0] as const),
  ...[1, 2, 3, 4].map((when) => ['fsync', when, false, 0] as const), // of the folder and of the file
  ['fsync', 1, true, 0], // of the file
  ['rename', 1, true, 0],
  ['fsync', 2, true, 1], // of the directory, in which it has its name already
]

t.test(
  'a slot that is killed at any step has kept the whole message, or has not answered',
  { skip: missing, jobs: 2 },
  async (t) => {
    for (const [call, when, isThere, twice] of steps) {
      const name = `${call} number ${when}${isThere ? ' of a later message' : ''}`
      t.test(name, async (t) => {
        const stage = buildStage(t)
        if (isThere) await send(newest, stage, another())
        const before = (await readQuarantine(stage.quarantine)).length
        const killed = await send(injecting(`${call}:signal=KILL:when=${when}`), stage)
        t.equal(killed.signal ?? killed.code, 'SIGKILL', 'nobody takes it for accepted')
        t.same(killed.deliveries, [])
        const after = (await readQuarantine(stage.quarantine)).length
        t.equal(after - before, twice)
        t.equal((await send(newest, stage)).code, 0, 'tried again')
        const kept = await readQuarantine(stage.quarantine)
        t.equal(kept.length, before + 1, 'what was kept is found')
        for (const { message } of kept.slice(before)) t.ok(message.equals(infected), 'whole')
      })
    }
  },
)

t.test(
  'a folder whose maker was killed is on the disk before a message in it is taken',
  { skip: missing },
  async (t) => {
    const stage = buildStage(t)
    const killed = await send(injecting('fsync:signal=KILL:when=1'), stage)
    t.not(killed.code, 0)
    t.ok(existsSync(join(stage.quarantine, 'virus', today)), 'it has made the folder')
    const synced = async () => {
      const trace = join(stage.directory, 'trace')
      const run = await send(
        [programPath('strace'), '-f', '-qq', '-y', '-e', 'trace=fsync', '-o', trace, ...newest],
        stage,
        another(),
      )
      t.equal(run.code, 0)
      const places = readFileSync(trace, 'latin1').matchAll(/ fsync\(\d+<(.*)>/g)
      return Array.from(places, ([, path]) => path!.slice(stage.quarantine.length))
    }
    const [file, folder] = [/^\/virus\/.*\/tmp\//, `/virus/${today}/new`]
    t.match(await synced(), ['', '/virus', `/virus/${today}`, file, folder])
    t.match(await synced(), [file, folder], 'and once only')
  },
)

function injecting(what: string): readonly string[] {
  const [call] = what.split(':')
  return [programPath('strace'), '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${what}`, ...newest] // biome-ignore format: a line
}

function send(
  program: readonly string[],
  stage: BuiltStage,
  message = infected,
  quarantine = stage.quarantine,
) {
  // One thread, as strace counts the calls of each.
  const settings = { QHPSI: stage.scanner, QUARANTINE: quarantine, UV_THREADPOOL_SIZE: '1' }
  return runSlot({ program, message, settings })
}

let others = 0

/** A message of its own, and no other try of the same one. */
const another = () => Buffer.concat([Buffer.from(`Message-ID: <${++others}@x>\n`), infected])
