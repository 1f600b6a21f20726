import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holdsFile, type Reader } from './reader.ts'

/** A program that writes what it finds in a message into a directory. */
export interface Extractor {
  readonly name: string
  readonly programs: readonly string[]
  readonly debianPackages: string
  /** Too heavy, or too slow, for `npm test`. */
  readonly benchOnly?: true
  /** Opens the message, which is in `file`, too; what it finds goes below `to`. */
  extract(mail: MailInFile): Promise<void>
}

interface MailInFile {
  readonly message: Buffer
  readonly file: string
  readonly to: string
  /** For what the program needs beside it; goes with the message. */
  readonly workshop: string
}

const NMH = '/usr/bin/mh/mhstore'
const GNUS = join(import.meta.dirname, 'read/gnus.el')

/** Attachments that mutt is asked for. */
const MUTT_MAX = 12

/** Messages in one another that mhstore is asked for, in all. */
const MESSAGES_MAX = 30

export const extractors: readonly Extractor[] = [
  {
    name: 'ripmime',
    programs: ['ripmime'],
    debianPackages: 'ripmime',
    extract: ({ message, to }) => run('ripmime', ['-i', '-', '-d', to], { input: message }),
  },
  {
    name: 'munpack',
    programs: ['munpack'],
    debianPackages: 'mpack',
    extract: ({ message, to }) => run('munpack', ['-q', '-t', '-f', '-C', to], { input: message }),
  },
  {
    name: 'uudeview',
    programs: ['uudeview'],
    debianPackages: 'uudeview',
    benchOnly: true,
    extract: ({ file, to }) => run('uudeview', ['-i', '-a', '-q', '-p', `${to}/`, file]),
  },
  {
    name: 'nmh',
    programs: [NMH],
    debianPackages: 'nmh',
    benchOnly: true,
    extract: storeByNmh,
  },
  {
    name: 'mutt',
    programs: ['mutt'],
    debianPackages: 'mutt',
    benchOnly: true,
    extract: pipeByMutt,
  },
  {
    name: 'Gnus',
    programs: ['emacs'],
    debianPackages: 'emacs-nox',
    benchOnly: true,
    extract: ({ file, to }) => run('emacs', ['-Q', '--batch', '-l', GNUS, file, to]),
  },
  {
    name: 'openssl cms',
    programs: ['openssl', 'ripmime'],
    debianPackages: 'openssl ripmime',
    benchOnly: true,
    extract: verifyByOpenssl,
  },
]

/** Attached messages go to a folder, and are stored in their turn. */
async function storeByNmh({ file, to, workshop }: MailInFile): Promise<void> {
  const folder = join(workshop, 'mail/inbox')
  mkdirSync(folder, { recursive: true })
  const profile = join(workshop, 'profile')
  writeFileSync(profile, `Path: ${join(workshop, 'mail')}\n`)
  const env = { HOME: workshop, MH: profile }
  await run(NMH, ['-file', file], { cwd: to, env })
  for (let number = 1; number < MESSAGES_MAX; number++) {
    const attached = join(folder, String(number))
    if (!existsSync(attached)) return
    const below = join(to, `of-${number}`)
    mkdirSync(below)
    await run(NMH, ['-file', attached], { cwd: below, env })
  }
}

/** It has to be shown a terminal, and to be typed at. */
async function pipeByMutt({ message, to, workshop }: MailInFile): Promise<void> {
  for (const place of ['cur', 'new', 'tmp'])
    mkdirSync(join(workshop, 'box', place), { recursive: true })
  writeFileSync(join(workshop, 'box/cur/1:2,S'), message)
  const keep = join(workshop, 'keep')
  writeFileSync(keep, `#!/bin/sh\nexec cat > "$(mktemp ${to}/XXXXXXXX)"\n`)
  chmodSync(keep, 0o755)
  const settings = [
    `set folder="${workshop}"`, // else it asks whether to make one
    'set wait_key=no',
    'set attach_split=yes',
    'set sleep_time=0',
    `macro attach k "<pipe-entry>${keep}<enter><next-entry>"`,
    `push "<view-attachments>${'k'.repeat(MUTT_MAX)}<exit><exit><exit><exit>"`,
    '',
  ]
  writeFileSync(join(workshop, 'rc'), settings.join('\n'))
  const command = 'mutt -n -F rc -R -f box'
  const env = { HOME: workshop, TERM: 'xterm' }
  await run('script', ['-qec', command, '/dev/null'], { cwd: workshop, env, isTyped: true })
}

/** The content of a signature, and once more what is signed in it. */
async function verifyByOpenssl({ file, to, workshop }: MailInFile): Promise<void> {
  const content = join(workshop, 'content')
  const words = ['cms', '-verify', '-noverify', '-nosigs', '-inform', 'SMIME']
  await run('openssl', [...words, '-in', file, '-out', content])
  if (existsSync(content)) await run('ripmime', ['-i', content, '-d', to])
}

interface RunOptions {
  readonly input?: Buffer
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Its input stays open: it would end at once otherwise. */
  readonly isTyped?: boolean
}

async function run(
  program: string,
  args: readonly string[],
  { input, cwd, env, isTyped }: RunOptions = {},
): Promise<void> {
  const child = spawn(program, args, {
    ...(cwd && { cwd }),
    env: { ...process.env, ...env },
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  child.stdin!.on('error', () => {})
  if (!isTyped) child.stdin!.end(input)
  await once(child, 'exit')
  child.stdin!.destroy()
}

/** In a directory of its own in `places`. */
export function startExtractor({ name, extract }: Extractor, places: string): Reader {
  return {
    names: [name],
    async ask(message) {
      const workshop = join(places, name)
      const to = join(workshop, 'parts')
      const file = join(workshop, 'message')
      mkdirSync(to, { recursive: true })
      writeFileSync(file, message)
      try {
        await extract({ message, file, to, workshop })
        return readdirSync(to).length > 0 && holdsFile(to) ? [name] : []
      } finally {
        rmSync(workshop, { recursive: true, force: true })
      }
    },
  }
}
