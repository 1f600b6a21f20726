import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openDaemonLog } from '../../../src/scanner/log/log-sink.ts'
import { cannotHang, mountHanging } from '../../programs/host/hanging-mount.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { until } from '../../run/until.ts'

/** LOGFILE of a process that lasts, while it cannot be written. */

const LINES = 200
const MIB = 1024 * 1024

function writeLines(log: { write(line: Buffer): void }): void {
  for (let n = 0; n < LINES; n++) log.write(Buffer.from(`onescan: number=${n}\n`))
}

const numbersIn = (file: string) =>
  [...readFileSync(file, 'utf8').matchAll(/number=(\d+) time=\S+\n/g)].map(([, n]) => Number(n))

/** Each way in which a log cannot be written for a while: how it begins, and how it ends. */
const troubles: Readonly<
  Record<string, { readonly words: string; begin(file: string): void; end(file: string): void }>
> = {
  ENOSPC: {
    words: 'no space left',
    begin: (file) => symlinkSync('/dev/full', file),
    end(file) {
      writeFileSync(`${file}.new`, '')
      renameSync(`${file}.new`, file)
    },
  },
  ENOENT: {
    words: 'no such file',
    begin() {},
    end: (file) => void mkdirSync(join(file, '..')),
  },
}

for (const [code, { words, begin, end }] of Object.entries(troubles)) {
  t.test(
    `lines that cannot be written (${code}) are kept, and written in their order`,
    async (t) => {
      const file =
        code === 'ENOENT' ? join(t.testdir(), 'missing', 'log') : join(t.testdir(), 'log')
      begin(file)
      const log = openDaemonLog(file)
      writeLines(log)
      await until(() => log.state.trouble?.includes(words), 'the write fails')
      end(file)
      await log.flush()
      t.same(
        numbersIn(file),
        Array.from({ length: LINES }, (_, n) => n),
      )
      t.same(log.state, { lost: 0, trouble: undefined })
    },
  )
}

t.test('lines for which there is no room are counted', async (t) => {
  const file = join(t.testdir(), 'log')
  symlinkSync('/dev/full', file)
  const log = openDaemonLog(file)
  const line = Buffer.from(`onescan: ${'x'.repeat(1000)}\n`)
  for (let size = 0; size < 5 * MIB; size += line.length) log.write(line)
  await until(() => log.state.trouble, 'the write fails')
  const { lost } = log.state
  t.ok(lost > 900 && lost < 1300, `${lost} lines`)
  writeFileSync(`${file}.new`, '')
  renameSync(`${file}.new`, file)
  await until(() => readFileSync(file, 'utf8').includes(`lost=${lost} `), 'the log has the number')
  await log.flush()
  t.equal(log.state.trouble, undefined)
})

t.test(
  'a file system that does not answer stops no process of root',
  { skip: cannotHang },
  async (t) => {
    const directory = join(openDirectory(t as Test), 'hangs')
    mkdirSync(directory)
    await mountHanging(t, directory, 'lookup')
    const log = openDaemonLog(join(directory, 'log'))
    writeLines(log)
    await until(() => log.state.trouble?.includes('does not respond'), 'the write fails')
    t.pass('this process goes on')
  },
)

const module = join(import.meta.dirname, '../../../src/scanner/log/log-sink.ts')

t.test('a process that ends without flush() has written each line once', async (t) => {
  for (let turns = 0; turns < 5; turns++) {
    const file = join(t.testdir(), 'log')
    const source = `import { openDaemonLog } from '${module}'
      const log = openDaemonLog(process.argv[1])
      for (let n = 0; n < 3; n++) log.write(Buffer.from('onescan: number=' + n + '\\n'))
      for (let n = 0; n < 10; n++) await undefined
      for (let n = 0; n < ${turns}; n++) await new Promise(setImmediate)
      process.exit()`
    execFileSync(process.execPath, ['--input-type=module', '--eval', source, file])
    t.same(numbersIn(file), [0, 1, 2], `after ${turns} turns of its event loop`)
  }
})
