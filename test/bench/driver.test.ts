import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findProgram } from '../programs/install.mjs'
import { compiled } from './compile.ts'
import { type Drive, type DriveResult, drive } from './drive.ts'
import { queuedHeaders } from './queued.ts'

const skip = !findProgram('cc') && 'install Debian package gcc'

type Setup = Partial<Drive> & { readonly script?: string; readonly text?: string }

/** Some messages through a shell script that may exec "$SINK", in a directory of its own: $HERE. */
async function through(t: Test, setup: Setup): Promise<DriveResult & { queue: string }> {
  const here = mkdtempSync(join(tmpdir(), 'onescan-driver-'))
  t.teardown(() => rmSync(here, { recursive: true, force: true }))
  const { script = 'exec "$SINK"', text = 'Subject: x\n\nbody\n', ...rest } = setup
  const queue = join(here, 'queue')
  for (const part of ['', 'pid', 'mess', 'intd', 'todo']) mkdirSync(join(queue, part))
  writeFileSync(join(here, 'wrapper'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  writeFileSync(join(here, 'message'), text)
  const result = await drive({
    program: [join(here, 'wrapper')],
    messages: [join(here, 'message')],
    count: 10,
    atOnce: 1,
    environment: {
      PATH: process.env.PATH!,
      HERE: here,
      SINK: compiled('sink'),
      SINK_QUEUE: queue,
    },
    queue,
    ...rest,
  })
  return { ...result, queue }
}

/** Once in a run: what the first wrapper that comes here does. */
const once = (commands: string) => `if mkdir "$HERE/first" 2>/dev/null; then ${commands}; fi`
const takeAll = 'cat >/dev/null; cat <&1 >/dev/null'
const spool = 'cat >"$HERE/m.$$"; cat <&1 >"$HERE/e.$$"'
const queueSpooled = '"$SINK" <"$HERE/m.$$" 1<"$HERE/e.$$"'

t.test('every message is counted, one at a time and eight at a time', { skip }, async (t) => {
  for (const atOnce of [1, 8]) {
    const { passages, tally, sound } = await through(t, { atOnce, count: 50 })
    const serials = passages.map(({ serial }) => serial).sort((a, b) => a - b)
    t.same(serials, [...Array(50).keys()])
    t.ok(passages.every(({ accepted, ms }) => accepted && ms > 0))
    t.match(tally, { messages: 50, accepted: 50, counted: true, lost: 0, twice: 0, damaged: 0 })
    t.ok(sound)
  }
})

t.test('eight at a time means that eight programs run at once', { skip }, async (t) => {
  const script = `
    mkdir -p "$HERE/waiting" && : >"$HERE/waiting/$$"
    while [ "$(ls "$HERE/waiting" | wc -l)" -lt 8 ]; do sleep 0.02; done
    exec "$SINK"`
  const { sound } = await through(t, { script, atOnce: 8, count: 8, deadline: 60 })
  t.ok(sound)
})

t.test('a wrapper that loses a message is found out', { skip }, async (t) => {
  const script = `${once(`${takeAll}; exit 0`)}\nexec "$SINK"`
  const { tally, sound } = await through(t, { script })
  t.match(tally, { accepted: 10, lost: 1, twice: 0, damaged: 0 })
  t.notOk(sound)
})

t.test('a wrapper that queues a message twice is found out', { skip }, async (t) => {
  const script = `${spool}; ${once(queueSpooled)}; ${queueSpooled}`
  const { tally, sound } = await through(t, { script })
  t.match(tally, { accepted: 10, lost: 0, twice: 1 })
  t.notOk(sound)
})

t.test('a wrapper that changes or cuts a body is found out', { skip }, async (t) => {
  for (const edit of ["sed 's/body/BODY/'", 'head -c 13', "sed '$a more'"]) {
    const script = `{ ${edit}; cat >/dev/null; } | "$SINK"`
    const { tally, sound } = await through(t, { script })
    t.match(tally, { accepted: 10, lost: 0, damaged: 10 }, edit)
    t.notOk(sound)
  }
})

t.test('a wrapper may add header fields', { skip }, async (t) => {
  const script = '{ echo "X-QHPSI: clean"; cat; } | "$SINK"'
  const { sound, queue } = await through(t, { script, count: 1, keep: true })
  t.ok(sound)
  t.same(queuedHeaders(queue), ['X-QHPSI: clean\nSubject: x\n'])
})

t.test('a message that is both queued and refused is found out', { skip }, async (t) => {
  const script = `${once('"$SINK"; exit 71')}\nexec "$SINK"`
  const { tally, passages, sound } = await through(t, { script })
  t.match(tally, { accepted: 9, lost: 0, uncalled: 1 })
  t.match(passages[0], { code: 71, accepted: false })
  t.notOk(sound)
})

t.test('exit code 0 of a wrapper that stopped reading is no acceptance', { skip }, async (t) => {
  const text = `Subject: x\n\n${'long line\n'.repeat(50_000)}`
  const { passages, tally } = await through(t, { script: 'exit 0', text, count: 2 })
  t.match(passages[0], { code: 0, accepted: false })
  t.match(tally, { accepted: 0, lost: 0 })
})

t.test('exit codes, signals and the text of the error pipe are reported', { skip }, async (t) => {
  const told = async (setup: Setup) => (await through(t, { count: 1, ...setup })).passages[0]
  const refusal = `${takeAll}; printf 'D"no"\\001' >&6; exit 82`
  t.match(await told({ script: refusal }), { code: 82, signal: 0, text: 'D"no"\x01' })
  t.match(await told({ script: 'kill -SEGV $$' }), { code: -1, signal: 11, accepted: false })
  t.match(await told({ program: ['/nonexistent/wrapper'] }), { code: 120 })
})

t.test('a wrapper sees what qmail-smtpd would show it', { skip }, async (t) => {
  const script = `
    grep -q '^SigIgn:.*[13579bdf][0-9a-f]\\{3\\}$' /proc/self/status && sigpipe=ignored
    ls /proc/$$/fd >"$HERE/open"
    modes=$(for fd in 0 1 6; do sed -n 's/^flags:.*\\(.\\)$/\\1/p' /proc/$$/fdinfo/$fd; done)
    echo $sigpipe, $(pwd), $modes, $(cat "$HERE/open") >&6
    ${takeAll}; exit 71`
  const directory = existsSync('/var/qmail') ? '/var/qmail' : '/'
  const { passages } = await through(t, { script, count: 1 })
  // Read, read, write; and no other descriptor, but for those of sh itself, from 10 on.
  t.match(passages[0]!.text, new RegExp(`^ignored, ${directory}, 0 0 1, 0 1 (1[01] )*2 6\n$`))
})

t.test('a wrapper that hangs is killed, with all that it started', { skip }, async (t) => {
  const script = 'sleep 1000 & wait'
  const { passages } = await through(t, { script, count: 1, deadline: 1 })
  t.match(passages[0], { code: -1, signal: 9, accepted: false })
})

t.test(
  'the memory of a wrapper is that of its largest process, not of the driver',
  { skip },
  async (t) => {
    const text = `Subject: x\n\n${'long line\n'.repeat(1_000_000)}`
    const small = await through(t, { program: [compiled('sink')], text, count: 2 })
    t.ok(
      small.passages.every(({ rss }) => rss > 100 && rss < 2048),
      JSON.stringify(small.passages),
    )
    const script = `perl -e '$x = "a" x 50_000_000'; exec "$SINK"`
    const large = await through(t, { script, count: 1 })
    t.ok(large.passages[0]!.cpu > small.passages[0]!.cpu, 'its processor time, too')
    t.ok(large.passages[0]!.rss > 48_000, JSON.stringify(large.passages))
  },
)

t.test('several messages are sent in turn', { skip }, async (t) => {
  const files = mkdtempSync(join(tmpdir(), 'onescan-driver-'))
  t.teardown(() => rmSync(files, { recursive: true, force: true }))
  const messages = ['one', 'two', 'three'].map((name) => join(files, name))
  for (const file of messages) writeFileSync(file, `Subject: ${file.slice(-3)}\n\n${file}\n`)
  const { queue, sound } = await through(t, { messages, count: 7, atOnce: 2, keep: true })
  t.ok(sound, 'each body is compared with its own')
  t.same(queuedHeaders(queue).sort(), [
    ...Array(3).fill('Subject: one\n'),
    ...Array(2).fill('Subject: ree\n'),
    ...Array(2).fill('Subject: two\n'),
  ])
})

t.test('the log of the wrapper goes to a file', { skip }, async (t) => {
  const log = join(mkdtempSync(join(tmpdir(), 'onescan-driver-')), 'log')
  t.teardown(() => rmSync(join(log, '..'), { recursive: true, force: true }))
  await through(t, { script: 'echo "a line" >&2; exec "$SINK"', log, count: 3 })
  t.equal(readFileSync(log, 'latin1'), 'a line\n'.repeat(3))
})

t.test('nothing is left in the queue, whatever became of the messages', { skip }, async (t) => {
  const { queue } = await through(t, { script: `${once('"$SINK"; exit 71')}\nexec "$SINK"` })
  for (const part of readdirSync(queue)) t.same(readdirSync(join(queue, part)), [], part)
})

t.test('a queue with other messages in it is not counted', { skip }, async (t) => {
  const { queue } = await through(t, { count: 1, keep: true })
  await t.rejects(through(t, { queue }), /111: .*not empty/)
})

t.test('wrong usage ends with exit code 100', { skip }, async (t) => {
  for (const words of [[], ['-m', '/etc/passwd'], ['-m', '/etc/passwd', '-n', '0', '/bin/true']]) {
    t.equal(spawnSync(compiled('driver'), words).status, 100, words.join(' '))
  }
})
