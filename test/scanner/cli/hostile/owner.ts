import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { mountHanging } from '../../../base/path/hanging.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { outputOf } from '../../../run/until.ts'

/** The owner of a directory that root's programs are led to, and the things that he puts into it. */

/** The owner's number. The machine need not know this user. */
export const MALLORY = 54_321
/** Milliseconds for a command. The machine may be busy. */
const LIMIT = 90_000
const MARK = 'the secret of root'

/** The things that the owner may put at a path. */
export const things = [
  'fifo',
  'link to a secret',
  'link to a place of root',
  'link to /dev/zero',
  'link to /proc/kmsg',
  'sparse file',
  'program',
  'directory of fifos',
  'directory of links',
  'directory of programs',
  'directory that is exchanged',
  'program with an access list',
  'file system that does not answer',
] as const
export type Thing = (typeof things)[number]

/** Names that the commands look for in a directory. */
const NAMES = [
  ...[
    'QHPSI',
    'QUEUECHAIN',
    'CLUSTERKEYS',
    'run',
    'main.cf',
    'master.cf',
    'current',
    'onescan.off',
  ],
  ...['clusterkeys', 'badattachments', 'x.mjs', 'onescan-plugin.d.ts', 'package.json', '.env'],
  ...['bunfig.toml', 'tsconfig.json', 'new/1', 'cur/1', 'bin/qmail-queue', 'clamd.conf', 'lock'],
]

/** Exchanges two names without end, renameat2(2), as MALLORY. */
const EXCHANGE = `import ctypes, os, sys, time
os.setgroups([]); os.setgid(${MALLORY}); os.setuid(${MALLORY})
rename = ctypes.CDLL(None).renameat2
print('begun', flush=True)
while True:
  rename(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
  time.sleep(0.0002)`

export interface Hostile {
  /** The path of such a thing. The thing and its directory are the owner's. */
  path(thing: Thing): string
  /** A directory for files that are root's alone. */
  readonly own: string
  /** Runs a command as root in the owner's directory. Returns what is wrong, or undefined. */
  run(
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<string | undefined>
}

export async function makeHostile(t: Ending): Promise<Hostile> {
  const home = openDirectory(t)
  const at = (...names: string[]) => join(home, ...names)
  for (const name of ['hers', 'own', 'target']) mkdirSync(at(name))
  writeFileSync(at('secret'), `${MARK}\n`, { mode: 0o600 })
  mkdirSync(at('uids'))
  chmodSync(at('uids'), 0o1777)
  const program = `#!/bin/sh\nid -u >${at('uids')}/$$\n`
  const module = `import { writeFileSync } from 'node:fs'
    writeFileSync('${at('uids')}/' + process.pid, String(process.getuid()))
    export const virusscan = () => ({ clean: true })\n`
  const put = (path: string, thing: string) => {
    if (thing === 'fifo') execFileSync('mkfifo', [path])
    else if (thing === 'link to a secret') symlinkSync(at('secret'), path)
    else if (thing === 'link to a place of root') symlinkSync(at('target/made'), path)
    else if (thing.startsWith('link to ')) symlinkSync(thing.slice('link to '.length), path)
    else writeFileSync(path, path.endsWith('.mjs') ? module : program, { mode: 0o755 })
    if (thing === 'sparse file') truncateSync(path, 1024 ** 4)
  }
  const pathOf = (thing: Thing) => at('hers', thing.replaceAll(/[ /]/g, '-'))
  for (const thing of things) {
    const path = pathOf(thing)
    if (thing === 'file system that does not answer') continue
    if (thing === 'program with an access list') {
      put(at('listed'), 'program')
      continue
    }
    const [, kind] = /^directory (?:of|that is) (\w+)s?$/.exec(thing) ?? []
    if (kind === undefined) {
      put(path, thing)
      continue
    }
    for (const name of ['new', 'cur', 'bin', 'tmp'])
      mkdirSync(join(path, name), { recursive: true })
    for (const [index, name] of NAMES.entries()) {
      const link = index % 2 === 0 ? 'link to a secret' : 'link to a place of root'
      put(join(path, name), kind === 'link' ? link : kind === 'exchanged' ? 'program' : kind)
    }
  }
  mkdirSync(at('hers/link'))
  symlinkSync(at('target'), at('hers/link/new'))
  symlinkSync(at('secret'), at('hers/link/clusterkeys'))
  execFileSync('chown', ['-Rh', `${MALLORY}:${MALLORY}`, at('hers')])
  execFileSync('setfacl', ['-m', `u:${MALLORY}:rwx`, at('listed')])
  const silent = pathOf('file system that does not answer')
  const hanging = await mountHanging(t, silent, { operations: ['ALL'], user: MALLORY })
  const exchanged = pathOf('directory that is exchanged')
  const startExchange = async () => {
    const exchange = spawn('/usr/bin/python3', ['-c', EXCHANGE, exchanged, at('hers/link')])
    await outputOf(exchange)
    return exchange
  }

  return {
    path: (thing) => (thing === 'program with an access list' ? at('listed') : pathOf(thing)),
    own: at('own'),
    async run(words, env = {}) {
      utimesSync(at('secret'), 1, Date.now() / 1000) // so that the file system notes the next reader
      const cwd = pathOf('directory of fifos')
      // Only while a command is led there, since it takes a processor.
      const isExchanged = words.some((word) => word.includes(exchanged))
      const exchange = isExchanged ? await startExchange() : undefined
      const isSilent = words.some((word) => word.includes(silent))
      const inside = isSilent ? [...hanging.inside, 'env', '-C', cwd] : []
      const [command = '', ...others] = [...inside, ...words]
      const child = spawn(command, others, {
        cwd,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: at('own'), TMPDIR: '/tmp', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (bytes: Buffer) => {
          output = (output + bytes.toString('latin1')).slice(-100_000)
        })
      }
      let isLate = false
      const late = setTimeout(() => {
        isLate = true
        process.kill(-child.pid!, 'SIGKILL')
        if (isSilent) void hanging.end() // who waits for it is not killed before
      }, LIMIT)
      await once(child, 'exit')
      clearTimeout(late)
      exchange?.kill('SIGKILL')
      const wasRead = statSync(at('secret')).atimeMs > 1000
      const text = readFileSync(at('secret'), 'latin1')
      const made = readdirSync(at('target'))
      const uids = readdirSync(at('uids')).map((name) =>
        readFileSync(at('told', name), 'utf8').trim(),
      )
      // The next call finds everything as this one did.
      writeFileSync(at('secret'), `${MARK}\n`)
      for (const name of made) rmSync(at('target', name), { recursive: true })
      for (const name of readdirSync(at('uids'))) rmSync(at('told', name))
      if (isLate) return `waited for more than ${LIMIT} ms`
      if (output.includes(MARK)) return `printed a secret: ${output}`
      if (wasRead) return `read a secret: ${output}`
      if (text !== `${MARK}\n`) return 'wrote to a secret'
      if (made.length > 0) return `made a file where a link led: ${output}`
      return uids.includes('0') ? `ran a program of hers as root: ${output}` : undefined
    },
  }
}

/** Whether this file system notes when a file was read, so that a test can see it. */
export function notesReaders(t: Ending): boolean {
  const file = join(openDirectory(t), 'file')
  writeFileSync(file, 'x')
  chownSync(file, 0, 0)
  utimesSync(file, 1, Date.now() / 1000)
  readFileSync(file)
  return statSync(file).atimeMs > 1000
}
