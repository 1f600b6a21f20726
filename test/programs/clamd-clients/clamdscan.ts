import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../host/reachable.ts'
import { type ClamdClient, type Fate, IN_OPENPGP } from './client.ts'

/** clamdscan(1) with these words, as wrappers and scripts call it. */
function clamdscan(asksBy: ClamdClient['asksBy'], ...words: readonly string[]): ClamdClient {
  return {
    name: ['clamdscan', ...words, ...(asksBy === 'tcp' ? ['by TCP'] : [])].join(' '),
    missing: lacks('clamdscan'),
    asksBy,
    ...(asksBy === 'unix' &&
      !words.some((word) => /fdpass|stream/.test(word)) && { namesFiles: true }),
    evasion: IN_OPENPGP,
    async start(t, place) {
      const directory = openDirectory(t)
      const config = join(directory, 'clamd.conf')
      const where = 'path' in place ? `LocalSocket ${place.path}` : `TCPSocket ${place.port}\nTCPAddr 127.0.0.1` // biome-ignore format: a line
      writeFileSync(config, `${where}\n`)
      return async (mail) => {
        const own = mkdtempSync(join(directory, 'mail-'))
        writeFileSync(join(own, 'mail'), mail)
        const child = spawn('clamdscan', ['--config-file', config, '--no-summary', ...words, own], {
          stdio: 'ignore',
        })
        const [code] = await once(child, 'exit')
        rmSync(own, { recursive: true })
        return FATES[code] ?? 'deferred'
      }
    },
  }
}

/** By its exit code. */
const FATES: readonly Fate[] = ['let in', 'refused', 'deferred']

export const clamdscanClients: readonly ClamdClient[] = [
  clamdscan('unix'),
  clamdscan('unix', '--stream'),
  clamdscan('unix', '--fdpass'),
  clamdscan('unix', '--multiscan'),
  clamdscan('unix', '--fdpass', '--multiscan'),
  clamdscan('unix', '--allmatch'),
  clamdscan('tcp', '--stream'),
]
