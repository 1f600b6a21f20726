import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EICAR } from '../../programs/clamd.ts'
import { findProgram } from '../../programs/install.mjs'

/** Programs that stand for those that people read mail with. */
export interface Readers {
  /** All that are there. */
  readonly names: readonly string[]
  /** Those that find the test file in what they decode of the message. */
  opening(message: Buffer): Promise<string[]>
  stop(): Promise<void>
}

interface Reader {
  readonly names: readonly string[]
  ask(message: Buffer): Promise<string[]>
  stop(): Promise<void>
}

const here = import.meta.dirname
const PYTHON = '/usr/bin/python3'

/** Debian packages that readers of the bench need and this machine lacks. */
export function missingReaders(): string[] {
  const missing = Object.entries(extractors).flatMap(([name, { debianPackage }]) =>
    findProgram(name) ? [] : [debianPackage],
  )
  if (!findProgram('reformime')) missing.push('maildrop')
  const has = (command: string, args: string[]) => spawnSync(command, args).status === 0
  if (!has('perl', ['-MMIME::Parser', '-e1'])) missing.push('libmime-tools-perl')
  if (!has('perl', ['-MEmail::MIME', '-e1'])) missing.push('libemail-mime-perl')
  if (!has('ruby', ['-rmail', '-e1'])) missing.push('ruby-mail')
  const gmime = "import gi; gi.require_version('GMime', '3.0')"
  if (!has(PYTHON, ['-c', gmime])) missing.push('gir1.2-gmime-3.0 python3-gi')
  return missing
}

/** Starts what is there; each of them works at one message at a time. */
export function startReaders(): Readers {
  const readers: Reader[] = [
    resident(process.execPath, [join(here, 'read/node.mjs')], ['mailparser', 'postal-mime']),
  ]
  if (existsSync(PYTHON)) {
    readers.push(
      resident(PYTHON, [join(here, 'read/python.py')], ['email (old)', 'email', 'GMime']),
    )
  }
  const perl = spawnSync('perl', ['-MMIME::Parser', '-MEmail::MIME', '-e1'])
  if (perl.status === 0) {
    readers.push(resident('perl', [join(here, 'read/perl.pl')], ['MIME::Parser', 'Email::MIME']))
  }
  if (findProgram('ruby')) {
    readers.push(resident('ruby', [join(here, 'read/ruby.rb')], ['ruby mail']))
  }
  for (const [name, { argv }] of Object.entries(extractors)) {
    if (findProgram(name)) readers.push(extractor(name, argv))
  }
  if (findProgram('reformime')) readers.push(reformime())
  return {
    names: readers.flatMap(({ names }) => names),
    async opening(message) {
      return (await Promise.all(readers.map((reader) => reader.ask(message)))).flat()
    },
    async stop() {
      await Promise.all(readers.map((reader) => reader.stop()))
    },
  }
}

/** A process that lasts; it answers each message by a byte with a bit for each of `names`. */
function resident(program: string, args: string[], names: readonly string[]): Reader {
  let child: ChildProcess | undefined
  const start = () => {
    const started = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
    started.stdin!.on('error', () => {})
    return started
  }
  const stop = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    names,
    async ask(message) {
      if (!child || child.exitCode !== null || child.signalCode !== null) child = start()
      const length = Buffer.alloc(4)
      length.writeUInt32BE(message.length)
      const asked = child
      const answer = new Promise<number>((resolve) => {
        const end = (bits: number) => {
          clearTimeout(timer)
          asked.stdout!.removeAllListeners('data')
          asked.removeListener('exit', none)
          resolve(bits)
        }
        const none = () => end(0) // it fell over this message: it opens nothing
        // One that loops over a message is started anew.
        const timer = setTimeout(() => asked.kill('SIGKILL'), 20_000)
        asked.stdout!.once('data', (bytes: Buffer) => end(bytes[0]!))
        asked.once('exit', none)
      })
      asked.stdin!.write(Buffer.concat([length, message]))
      const bits = await answer
      return names.filter((_, at) => bits & (1 << at))
    },
    stop,
  }
}

/** Programs that write what they find into files. */
const extractors: Readonly<
  Record<string, { debianPackage: string; argv: (directory: string) => string[] }>
> = {
  ripmime: { debianPackage: 'ripmime', argv: (to) => ['-i', '-', '-d', to] },
  munpack: { debianPackage: 'mpack', argv: (to) => ['-q', '-t', '-f', '-C', to] },
}

/** Sections of one message that reformime is asked for: a process each. */
const SECTIONS_MAX = 60

/** It lists the sections of a message, and decodes one at a time. */
function reformime(): Reader {
  const run = (args: string[], message: Buffer) =>
    new Promise<Buffer>((resolve) => {
      const options = { encoding: 'buffer', timeout: 20_000, maxBuffer: 2 ** 26 } as const
      const child = execFile('reformime', args, options, (_, output) => resolve(output))
      child.stdin!.on('error', () => {})
      child.stdin!.end(message)
    })
  return {
    names: ['reformime'],
    async ask(message) {
      const list = (await run(['-i'], message)).toString('latin1')
      const sections = [...list.matchAll(/^section: ([0-9.]+)$/gm)].map(([, section]) => section!)
      for (const section of sections.reverse().slice(0, SECTIONS_MAX)) {
        if ((await run(['-s', section, '-e'], message)).includes(EICAR)) return ['reformime']
      }
      return []
    },
    async stop() {},
  }
}

function extractor(name: string, argv: (directory: string) => string[]): Reader {
  const place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'onescan-reader-'))
  return {
    names: [name],
    async ask(message) {
      const directory = join(place, 'parts')
      mkdirSync(directory)
      try {
        const child = spawn(name, argv(directory), {
          stdio: ['pipe', 'ignore', 'ignore'],
          timeout: 20_000,
          killSignal: 'SIGKILL',
        })
        child.stdin!.on('error', () => {})
        child.stdin!.end(message)
        await once(child, 'exit')
        return holdsTestFile(directory) ? [name] : []
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
    async stop() {
      rmSync(place, { recursive: true, force: true })
    },
  }
}

/** Names are bytes: a mail gives them. */
function holdsTestFile(directory: string): boolean {
  return readdirSync(directory, { encoding: 'buffer' }).some((name) => {
    const path = Buffer.concat([Buffer.from(`${directory}/`), name])
    const status = lstatSync(path)
    if (status.isDirectory()) return holdsTestFile(path.toString('latin1'))
    return status.isFile() && readFileSync(path).includes(EICAR)
  })
}
