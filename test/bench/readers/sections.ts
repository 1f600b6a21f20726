import { type ExecFileOptions, execFile } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signs } from '../../scan/evasions/files.ts'
import { isFile, type Reader } from './reader.ts'

/** Sections of one message that a reader is asked for. */
const SECTIONS_MAX = 60

function output(
  program: string,
  args: readonly string[],
  { input, ...more }: { readonly input?: Buffer } & Pick<ExecFileOptions, 'uid' | 'gid' | 'env'>,
): Promise<Buffer> {
  return new Promise((resolve) => {
    const options = { encoding: 'buffer', timeout: 20_000, maxBuffer: 2 ** 26, ...more } as const
    const child = execFile(program, args, options, (_, text) => resolve(text))
    child.stdin!.on('error', () => {})
    child.stdin!.end(input)
  })
}

/** reformime lists the sections of a message, and decodes one at a time. */
export function reformime(): Reader {
  const run = (args: string[], input: Buffer) => output('reformime', args, { input })
  return {
    names: ['reformime'],
    async ask(message) {
      const list = (await run(['-i'], message)).toString('latin1')
      const sections = [...list.matchAll(/^section: ([0-9.]+)$/gm)].map(([, section]) => section!)
      for (const section of sections.reverse().slice(0, SECTIONS_MAX)) {
        if (isFile(await run(['-s', section, '-e'], message))) return ['reformime']
      }
      return []
    },
    async stop() {},
  }
}

/** nobody(7): Dovecot serves no mail as root. */
const NOBODY = 65534

/** How deep Dovecot is asked for sections, and for how many at each level. */
const LEVELS = 4
const WIDTH = 3

/** Dovecot gives sections decoded as IMAP's BINARY does (RFC 3516). Works for root. */
export function dovecot(): Reader {
  const place = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'onescan-dovecot-'),
  )
  const config = join(place, 'dovecot.conf')
  chmodSync(place, 0o755)
  writeFileSync(
    config,
    [
      `base_dir = ${place}/run`,
      `state_dir = ${place}/state`,
      `log_path = ${place}/log`,
      `mail_location = maildir:${place}/mail:INDEX=MEMORY`,
      'first_valid_uid = 0',
      'ssl = no',
      '',
    ].join('\n'),
  )
  const sections = [...sectionNames()].map((name) => `binary.${name}`).join(' ')
  const words = ['-c', config, '-f', 'flow', 'fetch', sections, 'all']
  const env = { ...process.env, HOME: place, USER: 'nobody' }
  return {
    names: ['Dovecot'],
    async ask(message) {
      for (const folder of ['mail', 'mail/cur', 'mail/new', 'mail/tmp']) {
        mkdirSync(join(place, folder))
        chownSync(join(place, folder), NOBODY, NOBODY)
      }
      writeFileSync(join(place, 'mail/cur/1:2,S'), message)
      try {
        const text = await output('doveadm', words, { env, uid: NOBODY, gid: NOBODY })
        return hasFile(text) ? ['Dovecot'] : []
      } finally {
        rmSync(join(place, 'mail'), { recursive: true, force: true })
      }
    },
    async stop() {
      rmSync(place, { recursive: true, force: true })
    },
  }
}

/** Sections stand behind one another there, each as `binary.1=…` with a blank or a line end behind it. */
function hasFile(text: Buffer): boolean {
  return signs.some(({ kind, bytes }) => {
    if (kind === 'has') return text.includes(bytes)
    const ends = [' ', '\n'].map((end) =>
      Buffer.concat([Buffer.from('='), bytes, Buffer.from(end)]),
    )
    return ends.some((section) => text.includes(section))
  })
}

function* sectionNames(above = '', level = 1): Generator<string> {
  if (level > LEVELS) return
  for (let number = 1; number <= WIDTH; number++) {
    yield `${above}${number}`
    yield* sectionNames(`${above}${number}.`, level + 1)
  }
}
