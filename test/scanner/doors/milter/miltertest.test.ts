import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { MailAddress } from '../../../../src/base/text/address.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { until } from '../../../run/until.ts'
import { startOnescand } from '../../daemon/process.ts'
import { openMilter } from './rig.ts'

/** miltertest(8) in the MTA's place: scripts of another user's implementation of the protocol. */

const skip = lacks('miltertest')
const scripts = join(import.meta.dirname, 'miltertest')

/**
 * Runs a script, and resolves to its complaints or ''. (miltertest itself does not print the text
 * of an error.)
 */
async function run(script: string, place: string): Promise<string> {
  const child = spawn('miltertest', ['-w', '-D', `place=${place}`], {
    cwd: scripts,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(`dofile("mail.lua")
    local ok, why = pcall(dofile, "${script}.lua")
    if not ok then mt.echo(why) end`)
  const ended = once(child, 'exit')
  const output = (await Promise.all([text(child.stdout), text(child.stderr)])).join('')
  const [code] = await ended
  return code === 0 && output === '' ? '' : `exit ${code}: ${output}`
}

t.test('the built onescand answers scripts of miltertest', { skip }, async (t) => {
  const stage = buildStage(t)
  const onescand = await startOnescand(t, {
    args: ['--socket', 'none', '--milter', `unix:${stage.directory}/m`],
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' },
  })
  for (const script of ['clean', 'forged', 'virus', 'defer', 'abort', 'old-mta']) {
    t.equal(await run(script, `unix:${stage.directory}/m`), '', script)
  }
  const inLog = () => onescand.log.filter((line) => / interface=milter /.test(line))
  await until(() => inLog().length >= 7, 'a line of each message that was judged')
  const judged = inLog()
  t.match(judged[0], /decision=accept scan=clean .*queue=4LUA remote=192\.0\.2\.7 /)
  t.equal(judged.length, 7, 'what was aborted or left was not judged')
})

t.test('a full mailbox is refused to scripts of miltertest', { skip }, async (t) => {
  const ask = async ({ text }: MailAddress) =>
    ({ status: text.startsWith('full') ? 'full' : 'room' }) as const
  const quota = { ask, asksForRelayClients: true }
  const milter = await openMilter(t, { QHPSI: 'plugin: eicar' }, { quota })
  t.equal(await run('quota', `unix:${milter.socket}`), '')
})
