import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { forTerminal } from '../../src/cli/shared/for-terminal.ts'
import { noColours } from '../../src/observe/log/describe-record.ts'
import { eventsOf, getJson, readLiveServer } from '../../src/observe/top/live-server.ts'
import { renderScreen } from '../../src/observe/top/screen.ts'
import { serve } from '../doors/http/rig.ts'
import { findProgram } from '../programs/install.mjs'
import { jsonIn, onescan, searchPath } from './onescan.ts'

/** `onescan top` shows what an onescand does now. */

const bundle = resolve(import.meta.dirname, '../../dist/onescan.cjs')

t.test('a pipe gets a line for each decision', async (t) => {
  const served = await serve(t)
  const words = [bundle, 'top', `http://127.0.0.1:${served.port}`]
  const child = spawn(process.execPath, words, {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  // top hears of a decision only if it has connected before.
  const timer = setInterval(
    () => served.send({ from: 'a\x1b[2J@x', id: '<top@x>' }).catch(() => {}),
    300,
  ) // the last one may come too late
  t.teardown(() => clearInterval(timer))
  const line = (await lines.next()).value as string
  clearInterval(timer)
  t.match(line, /^\d{4}-\d\d-\d\d [\d:]{8} accept +clean by eicar, .* from <a\\u001b\[2J@x> to /)
  t.match(line, 'id <top@x>')
  child.kill()
  await once(child, 'close')
})

t.test('a pipe gets the number of missing decisions', async (t) => {
  const numbers = [[7, 8], [], [9, 12], [2]]
  const server = createServer((asked, response) => {
    if (asked.url !== '/decisions') return response.writeHead(404).end()
    const decision = (number: number) => ({ number, time: 0, fields: { decision: 'accept' } })
    for (const event of numbers) {
      response.write(`data: ${JSON.stringify({ decided: event.map(decision) })}\n\n`)
    }
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { out, err, code } = await onescan(['top', place])
  t.equal(out.split('\n').length - 1, 5)
  t.match(
    err.trim().split('\n').map((line) => /^onescan top: (\d+) decisions are missing/.exec(line)?.[1]),
    ['2', '1'],
    'two of one second, and one after onescand was started anew',
  ) // biome-ignore format: as read
  t.equal(code, 0)
})

t.test('--json prints an object for each decision, on one line', async (t) => {
  const served = await serve(t)
  const words = [bundle, 'top', `http://127.0.0.1:${served.port}`, '--json']
  const child = spawn(process.execPath, words, {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const timer = setInterval(() => served.send({ id: '<top@x>' }).catch(() => {}), 300) // the last one may come too late
  t.teardown(() => clearInterval(timer))
  const told = jsonIn((await lines.next()).value as string)
  clearInterval(timer)
  t.match(told, { command: 'top', errors: [], exit: 0, ok: true })
  t.match(told.results, [{ time: /^\d{4}-\d\d-\d\dT/, decision: 'accept', msgid: '<top@x>' }])
  child.kill()
  await once(child, 'close')
})

t.test(
  'a terminal gets a screen',
  { skip: !findProgram('script') && 'install Debian package bsdutils' },
  async (t) => {
    const served = await serve(t)
    await served.send({ from: 'screen@example.org' })
    const command = `stty cols 100 rows 20; exec ${process.execPath} ${bundle} top http://127.0.0.1:${served.port}`
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { PATH: searchPath, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let shown = ''
    for await (const chunk of child.stdout) {
      shown += chunk
      if (/scanning.*being judged.*screen@example\.org/s.test(shown)) break
    }
    t.match(shown, `onescand at http://127.0.0.1:${served.port}: `)
    t.match(shown, 'accept')
  },
)

t.test('text of another program in the place of onescand is harmless for a terminal', async (t) => {
  const evil = '7\x1b]52;c;ZXZpbA==\x07\x9b2J\u202e' as never
  const step = {
    start: 0,
    decisions: { accept: evil },
    scans: { known: evil },
    p50: evil,
    p95: evil,
  }
  const clamd = { server: evil, up: true, text: evil, version: evil, made: evil }
  const message = { door: evil, remote: evil, from: evil, size: evil, seconds: evil }
  const live = {
    now: 0,
    judging: evil,
    processes: evil,
    underway: [message],
    clamds: [clamd, { ...clamd, up: false }],
    trial: { right: evil, why: evil, at: 0, doors: [] },
    decided: [],
    newest: 0,
  }
  const names = ['decision', 'scan', 'from', 'to', 'size', 'rcpts', 'total_ms', 'virus', 'msgid']
  const fields = Object.fromEntries(names.map((name) => [name, evil]))
  const form = { paint: noColours, width: 300, height: 30, clean: forTerminal }
  const lines = renderScreen('place', live, [step], [{ number: 1, time: evil, fields }], form)
  t.ok(lines.length > 6)
  t.match(lines.join('\n'), /7\\u001b.* being judged by 7/)
  t.notMatch(lines.join('\n'), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
})

t.test('top hangs up on another program that never stops sending', async (t) => {
  const server = createServer((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const place = readLiveServer(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    undefined,
  )
  await t.rejects(getJson(place, '/data.json'), /an answer without an end/)
  await t.rejects(eventsOf(place).next(), /an event without an end/)
  server.closeAllConnections()
})

t.test('a word that is no address, or an address that does not answer, is reported', async (t) => {
  t.match(await onescan(['top', 'nonsense']), { code: 2, err: 'must be http://ADDRESS:PORT' })
  const gone = join(t.testdir({}), 'gone')
  t.match(await onescan(['top', `unix:${gone}`]), { code: 2, err: 'is there an onescand --http?' })
})
