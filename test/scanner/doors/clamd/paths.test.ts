import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ClamdScanner } from '../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../../needs.mjs'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { clamdSettings } from '../../scan/scanners/clamd/task.ts'
import { openClamdDoor } from './rig.ts'
import { wholeReplyTo } from './session-client.ts'

/** What clamd and onescan reply about the same paths. */

/** One virus, and links of every kind. */
function makeFiles(t: Test) {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  for (const folder of ['infected/in', 'to file', 'to folder', 'to clean', 'to missing', 'loop/in'])
    mkdirSync(at(folder), { recursive: true })
  writeFileSync(at('infected/in/virus'), EICAR)
  writeFileSync(at('infected/a\nline: \xe4'), EICAR, 'latin1')
  writeFileSync(at('clean'), 'hello')
  writeFileSync(at('loop/in/clean'), 'hello')
  symlinkSync(at('infected/in/virus'), at('to file/link'))
  symlinkSync('../infected/in', at('to folder/link'))
  symlinkSync('../clean', at('to clean/link'))
  symlinkSync('nothing', at('to missing/link'))
  symlinkSync('..', at('loop/in/link'))
  return directory
}

/** Paths below that directory; a virus is below each of the first ones, by links or without. */
const infected = [
  'infected/in/virus',
  '/infected//in/../in/./virus',
  'to folder/link/virus',
  'infected/in//',
  'to file',
  'to folder/',
]
const others = ['clean', 'to clean', 'to missing', 'loop', 'infected/none']

async function repliesOf(path: string, request: string): Promise<readonly string[]> {
  const heard = await wholeReplyTo(path, Buffer.from(request, 'latin1'))
  return heard
    .split(request.startsWith('z') ? '\0' : '\n')
    .filter(Boolean)
    .sort()
}

const skip = { skip: clamdMissing || lacks('root', 'the addon') }
const settings = [
  {},
  { followFileSymlinks: true },
  { followDirectorySymlinks: true },
  { followFileSymlinks: true, followDirectorySymlinks: true },
]
for (const links of settings) {
  // promise: found-is-found
  t.test(
    `files are found by the paths that clamd reports: ${JSON.stringify(links)}`,
    skip,
    async (t) => {
      const directory = makeFiles(t)
      const clamd = await startClamd(t, links)
      const scanner = new ClamdScanner(clamdSettings(clamd.socket), {
        configFiles: [clamd.configFile],
      })
      const door = await openClamdDoor(
        t,
        { QHPSI: 'plugin: eicar' },
        {
          scan: (sample, task) => scanner.scan(sample, task),
          scannerName: 'clamd',
          servers: scanner.servers,
        },
      )
      for (const command of ['zSCAN', 'zCONTSCAN', 'zALLMATCHSCAN', 'nCONTSCAN', 'SCAN']) {
        const end = command.startsWith('z') ? '\0' : '\n'
        for (const path of [...infected, ...others]) {
          const request = `${command} ${directory}/${path}${end}`
          const direct = await repliesOf(clamd.socket, request)
          const ours = await repliesOf(door.at.path!, request)
          // After an error clamd also replies that it has found nothing.
          const hasError = direct.some((reply) => reply.endsWith('ERROR'))
          const wanted = direct.filter((reply) => !(hasError && reply.endsWith('OK')))
          t.same(ours, wanted, request)
        }
      }
      const request = `zCONTSCAN ${directory}/infected\0`
      t.same(
        await repliesOf(door.at.path!, request),
        await repliesOf(clamd.socket, request),
        'any name',
      )
    },
  )
}

t.test(
  'a link that the client names is followed, whatever clamd does',
  { skip: lacks('root', 'the addon') },
  async (t) => {
    const directory = makeFiles(t)
    const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' })
    for (const [path, found] of [
      ['to file/link', 'to file/link'],
      ['to folder/link', 'to folder/link/virus'],
    ] as const) {
      const reply = `${directory}/${found}: EICAR-Test FOUND`
      t.same(await repliesOf(door.at.path!, `zSCAN ${directory}/${path}\0`), [reply])
    }
  },
)
