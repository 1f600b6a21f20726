import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  constants,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { deliveries, leftBehind, makeMaildir, standInQueue } from '../stand-in.ts'
import { callSlot, type SlotCall } from './call-slot.ts'

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
const O_ACCMODE = 3
const SIGPIPE_BIT = 1 << 12

const message = Buffer.from('Subject: hello\n\nbody\n')
const envelope = Buffer.from('Fa@example.org\0Tb@example.org\0\0')

/** A slot that is a shell script. */
const slot = (script: string, setup: Partial<SlotCall> = {}) =>
  callSlot({
    program: ['/bin/sh', '-c', script],
    message,
    envelope,
    environment: { PATH: process.env.PATH },
    directory: '/',
    timeout: 30_000,
    ...setup,
  })

/** A slot that Node runs. It prints on fd 2 what it was given. */
function probe(fds: string) {
  const fs: typeof import('node:fs') = require('node:fs')
  const given = fds.split(',').map((fd) => ({
    isPipe: fs.fstatSync(Number(fd)).isFIFO(),
    flags: Number.parseInt(
      /^flags:\s+(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!,
      8,
    ),
  }))
  fs.writeSync(2, JSON.stringify({ given, environment: process.env, directory: process.cwd() }))
}

t.test(
  "the slot gets pipes, nothing of the runtime's, and only the given environment",
  async (t) => {
    for (const errorFd of [4, 6] as const) {
      const environment = { ONLY: 'this' }
      const { log } = await slot('', {
        program: [process.execPath, '-e', `(${probe})(process.argv[1])`, `0,1,2,${errorFd}`],
        environment,
        errorFd,
        directory: tmpdir(),
      })
      const seen = JSON.parse(log.toString())
      t.same(seen.environment, environment)
      t.equal(seen.directory, realpathSync(tmpdir()))
      t.same(
        seen.given.map(({ isPipe }: { isPipe: boolean }) => isPipe),
        [true, true, true, true],
      )
      const flags = seen.given.map(({ flags }: { flags: number }) => flags)
      t.same(
        flags.map((bits: number) => bits & O_ACCMODE),
        [O_RDONLY, O_RDONLY, O_WRONLY, O_WRONLY],
      )
      t.same(
        flags.map((bits: number) => bits & O_NONBLOCK),
        [0, 0, 0, 0],
      )
    }
  },
)

t.test('SIGPIPE is ignored in the slot, and no other descriptor is open', async (t) => {
  const { log } = await slot(
    `for fd in 0 1 2 3 4 5 6 7 8 9; do
       if [ -e /proc/$$/fd/$fd ]; then open="$open $fd"; fi
     done
     echo "$open" >&2; cat /proc/$$/status >&2`,
    { errorFd: 6 },
  )
  const [open = '', ...status] = log.toString().split('\n')
  t.equal(open, ' 0 1 2 6')
  const ignored = status.find((line) => line.startsWith('SigIgn'))?.split(/\s+/)[1] ?? '0'
  t.equal(Number.parseInt(ignored, 16) & SIGPIPE_BIT, SIGPIPE_BIT)
})

t.test('if a slot reads nothing and exits 0, the mail was not handed over', async (t) => {
  const big = Buffer.alloc(1_000_000, 'x')
  const outcome = await slot('exit 0', { message: big })
  t.equal(outcome.code, 0)
  t.equal(outcome.handedOver, false)
  const inSecret = await slot('cat >/dev/null; head -c 1 <&1 >/dev/null; exit 0')
  t.equal(inSecret.handedOver, true, 'what fits into the pipe needs no reader')
})

t.test('a slot that stops reading in the middle gets no envelope', async (t) => {
  const { log, code } = await slot(
    'head -c 10 >/dev/null; exec 0<&-; exec 3<&1; cat <&3 | wc -c >&2; exit 31',
    {
      message: Buffer.alloc(1_000_000, 'x'),
    },
  )
  t.equal(code, 31)
  t.equal(log.toString().trim(), '0')
})

t.test('the envelope comes only after the whole message was written', async (t) => {
  let written = false
  async function* slowly() {
    yield Buffer.from('Subject: slow\n\n')
    written = true
    yield Buffer.from('body\n')
  }
  const { code, handedOver, log } = await slot('cat >&2; exec 3<&1; cat <&3 | tr "\\0" . >&2', {
    message: slowly(),
  })
  t.ok(written && handedOver)
  t.equal(code, 0)
  t.equal(log.toString(), 'Subject: slow\n\nbody\nFa@example.org.Tb@example.org..')
})

t.test('error text is read to its end, after the slot itself has gone', async (t) => {
  const { code, errorText } = await slot('(sleep 0.2; echo late >&6) & echo Dearly >&6; exit 82', {
    errorFd: 6,
  })
  t.equal(code, 82)
  t.equal(errorText.toString(), 'Dearly\nlate\n')
})

t.test('in IndiMail the error pipe is fd 2', async (t) => {
  const outcome = await slot('echo Zbusy >&2; exit 88', { errorFd: 2 })
  t.equal(outcome.errorText.toString(), 'Zbusy\n')
  t.equal(outcome.log.length, 0)
})

t.test('all bytes of a slot that fills stderr beyond the size of a pipe are read', async (t) => {
  const { log, code } = await slot('head -c 3000000 /dev/zero >&2; exit 7')
  t.equal(code, 7)
  t.equal(log.length, 3_000_000)
})

t.test('the call ends even if a child of the slot holds descriptors open', async (t) => {
  const outcome = await slot('echo said >&2; sleep 3600 & echo $! >&2')
  const [said, child] = outcome.log.toString().trim().split('\n')
  process.kill(Number(child)) // throws if it has ended before
  t.equal(said, 'said')
})

t.test('a signal that ended the slot is reported', async (t) => {
  const { code, signal } = await slot('kill -SEGV $$')
  t.equal(code, undefined)
  t.equal(signal, 'SIGSEGV')
})

t.test('what cannot be started ends as in qmail.c', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-test-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const broken = join(directory, 'broken')
  writeFileSync(broken, '#!/nonexistent/interpreter\n', { mode: 0o755 })
  const data = join(directory, 'data')
  writeFileSync(data, 'no program', { mode: 0o644 })
  t.equal((await slot('', { program: ['/nonexistent'] })).code, 120)
  t.equal((await slot('', { program: [data] })).code, 120)
  t.equal((await slot('', { program: [] })).code, 120)
  t.not((await slot('', { program: [broken] })).code, 0)
  t.equal((await slot('', { directory: '/nonexistent' })).code, 61)
  symlinkSync('/bin/false', join(directory, 'false'))
  t.equal((await slot('', { program: ['false'], directory })).code, 1, 'a path from the directory')
})

t.test('a slot that hangs is killed when its time is over', async (t) => {
  const outcome = await slot('exec sleep 60', { timeout: 100, errorFd: 6 })
  t.equal(outcome.timedOut, true)
  t.equal(outcome.signal, 'SIGKILL')
})

t.test('a source that fails leaves a message without an envelope, and is reported', async (t) => {
  const { path, remove } = makeMaildir()
  t.teardown(remove)
  async function* failing() {
    yield message
    throw new Error('the client is gone')
  }
  await t.rejects(
    slot('', { program: [standInQueue()], message: failing(), environment: { MAILDIR: path } }),
    { message: 'the client is gone' },
  )
  t.same(leftBehind(path), [])
})

t.test('a client that still writes the envelope does not outlive the slot', async (t) => {
  const never = new AbortController()
  async function* stuck() {
    yield Buffer.from('Fa@example.org\0')
    await once(never.signal, 'abort')
  }
  const { code, handedOver } = await slot('cat >/dev/null; exit 54', { envelope: stuck() })
  t.equal(code, 54)
  t.equal(handedOver, false)
})

t.test('100 MB pass in constant memory, and the memory of the slot is measured', async (t) => {
  const { path, remove } = makeMaildir()
  t.teardown(remove)
  const piece = randomBytes(1_000_000)
  function* hundred() {
    for (let count = 0; count < 100; count++) yield piece
  }
  const before = process.memoryUsage().rss
  const outcome = await slot('', {
    program: [standInQueue()],
    message: hundred(),
    environment: { MAILDIR: path },
    watchMemory: true,
  })
  const grown = process.memoryUsage().rss - before
  t.equal(outcome.code, 0, outcome.log.toString())
  t.ok(grown < 60_000_000, `${grown} bytes more`)
  const seen = outcome.peakMemory ?? 0
  t.ok(seen > 100_000 && seen < 100_000_000, `${seen} bytes in the slot`)
  const [name] = leftBehind(path)
  t.equal(readFileSync(join(path, name!)).length > 100_000_000, true)
})

t.test('many calls at once do not delay each other', async (t) => {
  const { path, remove } = makeMaildir()
  t.teardown(remove)
  const big = Buffer.alloc(300_000, 'Subject: x\n\n')
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () =>
      slot('', {
        program: [standInQueue()],
        message: big,
        errorFd: 6,
        environment: { PATH: process.env.PATH, MAILDIR: path },
      }),
    ),
  )
  t.same(new Set(outcomes.map(({ code }) => code)), new Set([0]))
  t.equal(deliveries(path).filter(({ message }) => message.equals(big)).length, 20)
})
