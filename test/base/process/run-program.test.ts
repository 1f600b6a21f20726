import { existsSync } from 'node:fs'
import t from 'tap'
import { runProgram } from '../../../src/base/process/run-program.ts'
import { until } from '../../run/until.ts'

/** Programs that are run once. */

const sh = (script: string) => ['/bin/sh', '-c', script]
const within = 10_000

t.test('a program gets its input, and its output and exit code are returned', async (t) => {
  const input = Buffer.alloc(300_000, 'x')
  const echoed = await runProgram({ command: ['/bin/cat'], input, within })
  t.ok(echoed.output.equals(input))
  t.match(echoed, { code: 0, complaint: '', exceeded: undefined })
  const failed = await runProgram({
    command: sh('echo $A; echo no >&2; exit 3'),
    env: { A: 'a' },
    within,
  })
  t.match(failed, { code: 3, output: Buffer.from('a\n'), complaint: 'no\n' })
})

t.test('a program that reads no input ends as it would', async (t) => {
  const input = Buffer.alloc(1_000_000)
  t.match(await runProgram({ command: ['/bin/true'], input, within }), { code: 0 })
})

t.test('a program that takes too long is killed, also if another holds its output', async (t) => {
  const held = t.testdir({})
  const command = sh(`echo a; trap "" TERM; (sleep 2; touch ${held}/released) & wait`)
  const ended = await runProgram({ command, within: 300 })
  t.match(ended, { code: null, output: Buffer.from('a\n'), exceeded: 'time' })
  t.notOk(existsSync(`${held}/released`))
  await until(() => existsSync(`${held}/released`), 'the end of the other')
})

t.test('a program that prints too much is killed', async (t) => {
  for (const script of ['yes', 'yes >&2']) {
    const { code, exceeded, output } = await runProgram({
      command: sh(script),
      within,
      most: 100_000,
    })
    t.same([code, exceeded, output.length <= 100_000], [null, 'output', true], script)
  }
})

t.test('a program that is missing is an error', async (t) => {
  await t.rejects(runProgram({ command: ['/nowhere'], within }), { code: 'ENOENT' })
})
