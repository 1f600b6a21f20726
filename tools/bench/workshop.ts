import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clamd } from '../../test/programs/servers/clamd.ts'
import { key } from './letters.ts'

/** Where files lie that live for a moment, unless --spool names another directory. */
export const SPOOL: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A directory of the run's own, with all that wrappers need beside clamd. */
export interface Workshop {
  readonly directory: string
  /** As sink.c wants it. */
  readonly queue: string
  /** Writes messages, and returns their files; those of the call before are gone. */
  write(letters: readonly (string | Buffer)[]): readonly string[]
  /** What every wrapper and daemon has in its environment. */
  environment(clamd: Clamd): Record<string, string>
  remove(): void
}

/** `shortLived` is where wrappers keep their files for a moment, `lasting` where the queue is. */
export function openWorkshop(shortLived: string = tmpdir(), lasting = tmpdir()): Workshop {
  const directory = mkdtempSync(join(lasting, 'onescan-bench-'))
  const moments = mkdtempSync(join(shortLived, 'onescan-bench-'))
  const at = (name: string) => join(directory, name)
  for (const part of ['', '/pid', '/mess', '/intd', '/todo']) mkdirSync(`${at('queue')}${part}`)
  for (const part of ['spool', 'shared']) mkdirSync(join(moments, part))
  const line = `hmac-sha256:${key.id}:${key.secret.toString('base64url')}\n`
  writeFileSync(at('keyring'), line, { mode: 0o600 })
  const letterBox = join(moments, 'letters')
  return {
    directory,
    queue: at('queue'),
    write(letters) {
      rmSync(letterBox, { recursive: true, force: true })
      mkdirSync(letterBox)
      return letters.map((letter, index) => {
        const file = join(letterBox, String(index))
        writeFileSync(file, letter, 'latin1')
        return file
      })
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
    // Tried again if a wrapper that is just being killed has still put something there.
    remove() {
      for (const place of [directory, moments]) {
        rmSync(place, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
      }
    },
  }
}
