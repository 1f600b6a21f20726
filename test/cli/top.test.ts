import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { serve } from '../doors/http/rig.ts'
import { findProgram } from '../programs/install.mjs'
import { jsonIn, onescan, searchPath } from './onescan.ts'

/** `onescan top`: what an onescand does now. */

const bundle = resolve(import.meta.dirname, '../../dist/onescan.cjs')

t.test('in a pipe there is a line for each decision', async (t) => {
  const served = await serve(t)
  const words = [bundle, 'top', `http://127.0.0.1:${served.port}`]
  const child = spawn(process.execPath, words, {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  // Who has not joined yet hears nothing of it.
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
  'at a terminal there is a screen',
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

t.test('a place that is none, or does not answer, is told', async (t) => {
  t.match(await onescan(['top', 'nonsense']), { code: 2, err: 'must be http://ADDRESS:PORT' })
  const gone = join(t.testdir({}), 'gone')
  t.match(await onescan(['top', `unix:${gone}`]), { code: 2, err: 'is there an onescand --http?' })
})
