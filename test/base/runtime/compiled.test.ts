import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { lacks } from '../../needs.mjs'
import { childrenOf, startOnescand } from '../../scanner/daemon/process.ts'
import { compiled, runSlot, type SlotSetup } from '../../scanner/doors/slot/slot.ts'

/** The compiled programs, when something would make their runtime end in 0 before our code runs. */

const root = join(import.meta.dirname, '../../..')
const built = dirname(compiled)
const skip = lacks('the compiled programs')
const noCompiler = skip || lacks('C compiler')
const stage = buildStage(t)

const on = { QHPSI: '/bin/true' }

/** A copy of the launcher; beside it a runtime that may be damaged, or none. */
function install(name: string, program = 'onescan-queue'): { runtime: string; program: string } {
  const directory = join(stage.directory, name)
  mkdirSync(directory)
  copyFileSync(join(built, 'onescan-run'), join(directory, program))
  return { runtime: join(directory, 'onescan-runtime'), program: join(directory, program) }
}

async function queuesNothing(t: Test, setup: SlotSetup, log: RegExp): Promise<void> {
  const run = await runSlot({ message: plain, ...setup })
  t.equal(run.deliveries.length, 0)
  t.equal(run.code, 120, run.logged)
  t.match(run.logged, log)
}

async function queues(t: Test, setup: SlotSetup): Promise<void> {
  const run = await runSlot({ program: [compiled], message: plain, ...setup })
  t.equal(run.code, 0, run.logged)
  t.equal(run.text, `X-QHPSI: clean\n${plain.toString('latin1')}`)
}

t.test('launch.c was read again for the version of Bun that is built in', { skip }, async (t) => {
  const text = readFileSync(join(root, 'src/c/launcher/launch.c'), 'utf8')
  const [, version] = /The runtime is a Bun executable, of Bun ([\d.]+)\./.exec(text) ?? []
  const env = { BUN_BE_BUN: '1' }
  const runtime = join(built, 'onescan-runtime')
  t.equal(execFileSync(runtime, ['--version'], { env, encoding: 'utf8' }).trim(), version)
})

const noStrip = skip || lacks('strip')

t.test('a stripped runtime queues nothing, and reports it: 120', { skip: noStrip }, async (t) => {
  const { runtime, program } = install('stripped')
  execFileSync('strip', ['-o', runtime, join(built, 'onescan-runtime')])
  const settings = { ...on, HOME: hostileDirectory() }
  for (const directory of ['/', hostileDirectory()]) {
    await queuesNothing(
      t,
      { program: [program], directory, settings },
      /is not the file that was built/,
    )
  }
  rmSync(runtime)
})

t.test(
  'a runtime without its programs fails even where its size is right',
  { skip: noStrip },
  async (t) => {
    const { runtime, program } = install('emptied')
    execFileSync('strip', ['-o', runtime, join(built, 'onescan-runtime')])
    truncateSync(runtime, sizeOfRuntime())
    const directory = hostileDirectory()
    const settings = { ...on, HOME: directory, XDG_CONFIG_HOME: directory }
    const run = await runSlot({ program: [program], message: plain, directory, settings })
    t.equal(run.code, 1, run.logged)
    t.match(run.logged, 'bun login is')
    t.equal(run.deliveries.length, 0)
    rmSync(runtime)
  },
)

t.test(
  'a runtime that cannot be executed is named, with its mode and the remedy',
  { skip },
  async (t) => {
    const { runtime, program } = install('closed')
    writeFileSync(runtime, '')
    truncateSync(runtime, sizeOfRuntime())
    const log =
      /reason="(\S+\/onescan-runtime), with mode 0644, cannot be executed: Permission denied; run chmod 755 \1"/
    await queuesNothing(t, { program: [program], settings: on }, log)
    rmSync(runtime)
  },
)

t.test('a truncated runtime queues nothing: 120', { skip }, async (t) => {
  const { runtime, program } = install('truncated')
  copyFileSync(join(built, 'onescan-runtime'), runtime)
  const size = sizeOfRuntime()
  for (const length of [size - 1, size - 100_000, size - 4_000_000, 1_000_000, 4096, 1, 0]) {
    truncateSync(runtime, length)
    await queuesNothing(
      t,
      { program: [program], settings: on },
      /onescan-runtime is not the file that was built .*; reinstall onescan-runtime"/,
    )
  }
  rmSync(runtime)
  await queuesNothing(
    t,
    { program: [program], settings: on },
    /reason="\S+\/onescan-runtime is missing; reinstall onescan-runtime" exit=120/,
  )
})

t.test(
  'a runtime with zeros in it, as a crashed file system leaves them, queues nothing',
  { skip },
  async (t) => {
    const { runtime, program } = install('zeros')
    copyFileSync(join(built, 'onescan-runtime'), runtime)
    const fd = openSync(runtime, 'r+')
    const size = sizeOfRuntime()
    for (const at of [
      size - 4096,
      size - 500_000,
      size - 1_000_000,
      size - 1_500_000,
      size - 5_000_000,
    ]) {
      writeSync(fd, Buffer.alloc(512 * 1024), 0, Math.min(512 * 1024, size - at), at)
      const run = await runSlot({ program: [program], message: plain, settings: on })
      t.ok(run.code !== 0 || run.deliveries.length === 1, `${at}: ${run.code} ${run.logged}`)
    }
    closeSync(fd)
    rmSync(runtime)
  },
)

t.test('under a name of no program the runtime queues nothing: 120', { skip }, async (t) => {
  for (const name of ['qmail-queue', 'onescan-run', 'bun', 'constructor', '-']) {
    const link = join(stage.directory, name)
    symlinkSync(compiled, link)
    await queuesNothing(
      t,
      { program: [link], settings: on },
      /called as .*; call one of onescan-queue, onescan/,
    )
  }
  const runtime = join(built, 'onescan-runtime')
  for (const words of [[], ['onescan-queue'], ['--version'], ['-e', '0'], ['run', '/dev/null']]) {
    await queuesNothing(t, { program: [runtime, ...words], settings: on }, /called as /)
  }
})

t.test(
  'the compiled onescan-queue works by symbolic and by hard link, from anywhere',
  { skip },
  async (t) => {
    const link = join(stage.directory, 'onescan-queue')
    symlinkSync(compiled, link)
    await queues(t, { program: [link], settings: on })
    const hard = join(built, `hard-${process.pid}`)
    mkdirSync(hard)
    t.teardown(() => rmSync(hard, { recursive: true }))
    linkSync(join(built, 'onescan-run'), join(hard, 'onescan-queue'))
    symlinkSync('../onescan-runtime', join(hard, 'onescan-runtime'))
    await queues(t, { program: [join(hard, 'onescan-queue')], settings: on })
  },
)

t.test('the launcher passes on any number of words and variables', { skip }, async (t) => {
  const options = Array.from({ length: 19_999 }, (_, index) => `--control=/${index}`)
  const variables = options.map((option, index) => [`V${index}`, option])
  const run = spawnSync(join(built, 'onescan'), ['enable', ...options, 'the-last'], {
    env: { PATH: process.env.PATH, ...Object.fromEntries(variables) },
    encoding: 'utf8',
  })
  t.equal(run.status, 2)
  t.match(run.stderr, /the-last: is one argument too many/)
})

t.test(
  'variables of the runtime and of the linker change nothing',
  { skip: noCompiler },
  async (t) => {
    const evil = stage.file('evil.js', 'process.exit(0)')
    const library = join(stage.directory, 'evil.so')
    const source = stage.file(
      'evil.c',
      '#include <unistd.h>\n__attribute__((constructor)) void f(void) { _exit(0); }',
    )
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source])
    for (const settings of [
      { BUN_BE_BUN: '1' },
      { BUN_OPTIONS: '--version' },
      { BUN_OPTIONS: `--preload ${evil}` },
      { BUN_INSPECT: 'ws://127.0.0.1:1/x?wait=1' },
      { BUN_INSPECT_PRELOAD: evil },
      { BUN_JSC_dumpOptions: '1' },
      { NODE_OPTIONS: `--require ${evil}` },
      { NODE_CHANNEL_FD: '0' },
    ]) {
      await queues(t, { settings: { ...on, ...settings } })
    }
    const preloaded = ['/bin/sh', '-c', `LD_PRELOAD='${library}' exec "$@"`, 'sh', compiled]
    await queues(t, { program: preloaded, settings: on })
  },
)

t.test(
  'onescand and its workers keep free memory for a while, and no scanner sees the settings for that',
  { skip },
  async (t) => {
    const seen = join(stage.directory, 'seen')
    const scanner = stage.file('env.sh', `#!/bin/sh\nenv >'${seen}'\n`, 0o755)
    const onescand = await startOnescand(t, {
      program: [join(built, 'onescand')],
      settings: { QHPSI: scanner, MIMALLOC_PURGE_DELAY: '1' },
    })
    for (const pid of [onescand.pid, ...childrenOf(onescand.pid)]) {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
      const ofMemory = environment.filter((variable) =>
        variable.startsWith('MIMALLOC_PURGE_DELAY='),
      )
      t.same(ofMemory, ['MIMALLOC_PURGE_DELAY=10000'])
    }
    await onescand.ask({ variables: { QHPSI: scanner } })
    t.notMatch(readFileSync(seen, 'latin1'), /^(?:BUN|MIMALLOC)_/m)
  },
)

t.test('nothing in the directory or at home is obeyed', { skip }, async (t) => {
  const directory = hostileDirectory()
  await queues(t, { directory, settings: on })
  await queues(t, { settings: { ...on, HOME: directory, XDG_CONFIG_HOME: directory } })
})

/** A directory with files that Bun would load from it, each of which ends the process in 0. */
function hostileDirectory(): string {
  const exit = stage.file('hostile/exit.js', 'process.exit(0)')
  const preload = `preload = ["${exit}"]\n[run]\npreload = ["${exit}"]\n`
  stage.file('hostile/bunfig.toml', preload)
  stage.file('hostile/.bunfig.toml', preload)
  for (const name of ['.env', '.env.local', '.env.production', '.env.development']) {
    stage.file(`hostile/${name}`, 'QHPSI=/bin/false\nBUN_OPTIONS=--version\nREJECTVIRUS=2\n')
  }
  stage.file('hostile/tsconfig.json', `{"compilerOptions":{"paths":{"*":["${exit}"]}}}`)
  stage.file('hostile/package.json', '{"type":"module","main":"exit.js"}')
  return join(stage.directory, 'hostile')
}

function sizeOfRuntime(): number {
  return statSync(join(built, 'onescan-runtime')).size
}

t.test('a plugin of every kind runs in the compiled host', { skip }, async (t) => {
  const answer = '{ clean: true }'
  for (const [name, source] of [
    ['a.ts', `export const virusscan = (mail: { size: number }): unknown => (${answer})`],
    ['a.mjs', `export const virusscan = async () => (${answer})`],
    ['a.cjs', `exports.virusscan = () => (${answer})`],
    ['a.js', `exports.virusscan = () => (${answer})`],
  ] as const) {
    const PLUGINDIR = dirname(stage.file(`plugins/${name}`, source))
    const directory = hostileDirectory()
    await queues(t, { directory, settings: { QHPSI: `plugin: ${name}`, PLUGINDIR } })
  }
})

t.test(
  'a memory limit that is too small for the runtime is reported in one line: 51',
  { skip },
  async (t) => {
    for (const limit of ['-v 300000', '-d 3000', '-s 128']) {
      const run = await runSlot({
        program: ['/bin/sh', '-c', `ulimit ${limit}; exec "$@"`, 'sh', compiled],
        settings: on,
      })
      t.equal(run.code, 51)
      t.match(
        run.logged,
        /^onescan: decision=defer fault=out-of-memory reason="the memory limit [^\n]*\n$/,
      )
    }
  },
)

for (const limit of ['-v 300000', '-d 3000', '-s 128', '-s 32', '-n 7', '-n 6', '-n 4', '-n 3']) {
  t.test(`ulimit ${limit}: below qmail-local the report stays empty`, { skip }, async (t) => {
    const run = await runSlot({
      program: ['/bin/sh', '-c', `ulimit ${limit}; exec "$@"`, 'sh', compiled],
      settings: { ...on, DTLINE: 'Delivered-To: b@example.org\n' },
    })
    t.equal(run.logged, '')
    t.ok([51, 120].includes(run.code!), `${run.code}`)
  })
}
