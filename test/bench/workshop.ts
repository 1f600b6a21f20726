import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clamd } from '../programs/clamd.ts'
import { HUGE, type Kind, SIZES, type Size } from './cells.ts'
import { makeMessage } from './messages.ts'

const commandLine = join(import.meta.dirname, '../../dist/onescan.cjs')

/** A directory of the run's own, with all that wrappers need beside clamd. */
export interface Workshop {
  readonly directory: string
  /** As sink.c wants it. */
  readonly queue: string
  /** hmac-sha256 key first, md5 key second. */
  readonly keyring: string
  /** Stamps are good for an hour: to be called before each round. */
  stampMessages(): void
  message(kind: Kind, size: Size): string
  /** What every wrapper and daemon has in its environment. */
  environment(clamd: Clamd): Record<string, string>
  remove(): void
}

/** `shortLived` is where wrappers keep their files for a moment. */
export function openWorkshop(shortLived: string = tmpdir()): Workshop {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-bench-'))
  const moments = mkdtempSync(join(shortLived, 'onescan-bench-'))
  const at = (name: string) => join(directory, name)
  for (const part of ['', '/pid', '/mess', '/intd', '/todo']) mkdirSync(`${at('queue')}${part}`)
  mkdirSync(at('messages'))
  for (const part of ['spool', 'shared']) mkdirSync(join(moments, part))

  const hmac = `hmac-sha256:bench:${randomBytes(32).toString('base64url')}\n`
  const md5 = `md5:bench-old:${randomBytes(16).toString('hex')}\n`
  writeFileSync(at('keyring'), `${hmac}${md5}`)
  writeFileSync(at('keyring-md5'), md5)
  for (const ring of ['keyring', 'keyring-md5']) chmodSync(at(ring), 0o600)

  const message = (kind: Kind, size: Size) => at(`messages/${kind}-${size.bytes}.eml`)
  for (const size of SIZES) {
    for (const kind of ['clean', 'infected'] as const) {
      writeFileSync(message(kind, size), makeMessage(size.bytes, { infected: kind === 'infected' }))
    }
  }
  writeFileSync(message('clean', HUGE), makeMessage(HUGE.bytes, { infected: false }))

  const stamp = (kind: Kind, ring: string) => {
    for (const size of SIZES) {
      const words = [
        'sign',
        message('clean', size),
        '--keyring',
        at(ring),
        '--scanners',
        'clamd,everypart',
      ]
      const stamped = execFileSync(process.execPath, [commandLine, ...words], {
        maxBuffer: 2 * HUGE.bytes,
      })
      writeFileSync(message(kind, size), stamped)
    }
  }
  return {
    directory,
    queue: at('queue'),
    keyring: at('keyring'),
    message,
    stampMessages() {
      stamp('trusted-hmac', 'keyring')
      stamp('trusted-md5', 'keyring-md5')
    },
    environment: (clamd) => ({
      PROTO: 'TCP', // as tcpserver has it: fd 2 is the log
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      TMPDIR: join(moments, 'spool'),
      SPOOLDIR: join(moments, 'shared'),
      SINK_QUEUE: at('queue'),
      CLAMD: clamd.socket,
      CLAMD_CONF: clamd.configFile,
      QHPSI: 'plugin: clamd',
      VERDICTS: 'off', // what is measured is scanning
      CLUSTERKEYS: at('keyring'),
      CONTROLDIR: at('control'), // there is none: nothing of the host's own counts
      ERROR_FD: '6',
    }),
    // Tried again where a wrapper that is just being killed has still put something there.
    remove() {
      for (const place of [directory, moments]) {
        rmSync(place, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
      }
    },
  }
}
