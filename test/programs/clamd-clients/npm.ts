import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { bySmtp, type ClamdClient, IN_OPENPGP, portOf, startWith } from './client.ts'

/** Packages of npm that ask clamd; package.json beside names them. */

const require = createRequire(import.meta.url)
const here = import.meta.dirname
const missing =
  !existsSync(join(here, 'node_modules/.package-lock.json')) &&
  'install them: node packaging/toolchain/install-locked.mjs test/programs/clamd-clients'

const haraka: ClamdClient = {
  name: 'Haraka',
  missing,
  asksBy: 'tcp',
  evasion: IN_OPENPGP,
  async start(t, place) {
    const directory = openDirectory(t)
    const port = await freePort()
    const files = {
      'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
      'config/plugins': 'clamd\ntake\n',
      'config/clamd.ini': `clamd_socket=127.0.0.1:${portOf(place)}\n`,
      'config/me': 'mx.example.org\n',
      'config/log.ini': 'level=warn\n',
      'plugins/take.js': take,
    }
    const program = join(here, 'node_modules/Haraka/bin/haraka')
    execFileSync(process.execPath, [program, '--install', directory], { stdio: 'ignore' })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
    await startWith(t, [process.execPath, program, '-c', directory], { port, host: '127.0.0.1' })
    return bySmtp(port)
  },
}

/** It takes all mail, and keeps none. */
const take = `
exports.hook_rcpt = (next) => next(OK)
exports.hook_queue = (next) => next(OK)
`

const clamscan: ClamdClient = {
  name: 'clamscan of npm',
  missing: false,
  asksBy: 'tcp',
  evasion: IN_OPENPGP,
  async start(_, place) {
    const Clamscan = require('clamscan')
    const options = {
      host: '127.0.0.1',
      port: portOf(place),
      localFallback: false,
      bypassTest: true,
    }
    return async (mail) => {
      try {
        const clam = await new Clamscan().init({ clamdscan: options, preference: 'clamdscan' })
        const { isInfected } = await clam.scanStream(Readable.from([mail]))
        if (isInfected === false) return 'let in'
        return isInfected ? 'refused' : 'deferred'
      } catch {
        return 'deferred'
      }
    }
  },
}

const clamdjs: ClamdClient = {
  name: 'clamdjs of npm',
  missing,
  asksBy: 'tcp',
  evasion: IN_OPENPGP,
  async start(_, place) {
    const { createScanner, isCleanReply } = require('clamdjs')
    const scanner = createScanner('127.0.0.1', portOf(place))
    return async (mail) => {
      try {
        const reply: string = await scanner.scanBuffer(mail, 10_000, 64 * 1024)
        if (isCleanReply(reply)) return 'let in'
        return / FOUND/.test(reply) ? 'refused' : 'deferred'
      } catch {
        return 'deferred'
      }
    }
  },
}

export const npmClients: readonly ClamdClient[] = [haraka, clamscan, clamdjs]
