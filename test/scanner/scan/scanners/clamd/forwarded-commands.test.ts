import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readUptime } from '../../../../../src/base/flow/uptime.ts'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ForwardedCommands } from '../../../../../src/scanner/scan/scanners/clamd/forwarded-commands.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { until } from '../../../../run/until.ts'
import { numbered, socketPath, standIn } from './stand-in.ts'

/** The commands of clients that clamd itself answers. */

const APART = 300

const commandsTo = (...sockets: readonly string[]) =>
  new ForwardedCommands(
    sockets.map((socket) => readClamdAddress(socket)),
    readUptime,
    APART,
  )

const count = (asked: readonly { readonly command: string }[], command: string) =>
  asked.filter((question) => question.command === `z${command}`).length

for (const [command, reply] of [
  ['RELOAD', 'RELOADING'],
  ['SELFCHECK', 'SELFCHECK: OK'],
] as const) {
  t.test(`many clients that request ${command} have clamd do it once more`, async (t) => {
    const { socket, asked } = await standIn(t, numbered(reply))
    const commands = commandsTo(socket)
    t.equal(await commands.answerTo(command), reply)
    t.equal(count(asked, command), 1)
    for (let n = 0; n < 20; n++) t.equal(await commands.answerTo(command), reply)
    t.equal(count(asked, command), 1, 'none so soon')
    await until(() => count(asked, command) === 2, 'the requests are joined')
    await until(async () => {
      await commands.answerTo(command)
      return count(asked, command) === 3
    }, 'a later request counts')
  })
}

t.test('a reload that no clamd has accepted is requested again at once', async (t) => {
  const place = socketPath(t)
  const commands = commandsTo(place)
  t.equal(await commands.answerTo('RELOAD'), undefined)
  const { asked } = await standIn(t, numbered('RELOADING'), { place })
  await until(async () => (await commands.answerTo('RELOAD')) === 'RELOADING', 'clamd is there')
  t.equal(count(asked, 'RELOAD'), 1)
})

t.test('a reload that clients were promised is requested until clamd accepts it', async (t) => {
  const clamd = await standIn(t, numbered('RELOADING'))
  const commands = commandsTo(clamd.socket)
  await commands.answerTo('RELOAD')
  t.equal(await commands.answerTo('RELOAD'), 'RELOADING')
  clamd.die()
  await new Promise((resolve) => setTimeout(resolve, 2 * APART))
  const again = await standIn(t, numbered('RELOADING'), { place: clamd.socket })
  await until(() => count(again.asked, 'RELOAD') === 1, 'the promise is kept')
})

t.test(
  'a signature is used after the reload that follows it',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const commands = commandsTo(clamd.socket)
    const marks = ['early-mark-of-one-signature', 'later-mark-of-one-signature']
    for (const [n, mark] of marks.entries()) {
      const file = join(clamd.directory, 'db', `mark-${n}.ndb`)
      writeFileSync(file, `Mark${n}:0:*:${Buffer.from(mark).toString('hex')}\n`)
      t.teardown(() => rmSync(file, { force: true }))
      t.equal(await commands.answerTo('RELOAD'), 'RELOADING')
    }
    let serial = 0
    for (const [n, mark] of marks.entries()) {
      await until(async () => {
        const answer = await clamdAnswer(clamd.socket, Buffer.from(`${mark} ${serial++}\n`))
        return answer.answer === 'infected' && answer.name === `Mark${n}.UNOFFICIAL`
      }, `signature ${n} is used`)
    }
  },
)
