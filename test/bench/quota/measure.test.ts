import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findProgram } from '../../programs/install.mjs'
import { spool, startQuotad } from '../../quota/tell/quotad.ts'
import { measure, startOver } from './measure.ts'

const noCompiler = !findProgram('cc') && 'install Debian package gcc'

t.test('answers are counted, and all of them are right', { skip: noCompiler }, async (t) => {
  const quotad = await startOver(t, 20)
  const figure = measure(quotad, 0.3, 20)
  t.ok(figure.answersPerSecond > 0, `${figure.answersPerSecond}`)
  t.equal(figure.wrong, 0)
  t.equal(figure.lost, 0)
  const metrics = await (await fetch(`${quotad.url}/metrics`)).text()
  const [, room] = /answers_total\{answer="room"\} (\d+)/.exec(metrics)!
  t.ok(Number(room) >= figure.answersPerSecond * 0.3)
})

t.test('answers about another user are recognised as wrong', { skip: noCompiler }, async (t) => {
  const directory = spool(t, { 'u0/': '', 'u1/': '' })
  for (const user of ['u0', 'u1']) {
    writeFileSync(join(directory, user, 'maildirsize'), '1000000S\n1000 1\n')
  }
  const quotad = await startQuotad(t, { QUOTAMAILBOX: `maildir:${directory}/%u` })
  t.ok(measure(quotad, 0.2, 2).wrong > 0)
})
