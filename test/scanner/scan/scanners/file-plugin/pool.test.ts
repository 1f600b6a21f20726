import { renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  ask,
  HOLDS_LIFELINE,
  isProcess,
  lifeline,
  namesProcess,
  pluginOf,
  poolPlugin,
} from './asking.ts'

/** How many processes there are, for how long, how much they may use, and who waits for them. */

t.test('one process judges one message after another, and sees each', async (t) => {
  const source = `
      import { readFileSync } from 'node:fs'
      let calls = 0
      export const virusscan = ({ path, size, sender, recipients }) => {
        const seen = [++calls, readFileSync(path, 'latin1'), size, sender, ...recipients]
        return { infected: true, name: seen.join() }
      }`
  const plugin = pluginOf(t, source)
  const sender = 's\xe4@x'
  const first = `1,Subject: one\n\n,14,${sender},recipient@example.org`
  t.equal(await plugin.hear('one', { sender }), first)
  const recipients = ['a', 'b']
  t.equal(await plugin.hear('two', { sender: '', recipients }), '2,Subject: two\n\n,14,,a,b')
})

t.test('a process whose plugin answers unknown is kept, and asked once', async (t) => {
  const source = `
      let calls = 0
      export const virusscan = () => ({ defer: process.pid + ' ' + ++calls })`
  const plugin = pluginOf(t, source)
  const [, first] = /^(\d+) 1$/.exec(await plugin.hear('x'))!
  t.equal(await plugin.hear('x'), `${first} 2`)
  t.equal(await plugin.hear('x'), `${first} 3`)
})

t.test('messages at the same time have a process each, up to the limit', async (t) => {
  const directory = t.testdir({ 'a.mjs': namesProcess('await pause(50)') })
  // One of three is for large messages.
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { most: 3 })
  const heard = await Promise.all(Array.from({ length: 6 }, () => plugin.hear('offend')))
  for (const name of heard) t.match(name, isProcess)
  t.equal(new Set(heard).size, 2)
})

t.test('a process has one message at a time', async (t) => {
  const source = `
      let inside = 0
      let most = 0
      export async function virusscan() {
        most = Math.max(most, ++inside)
        await new Promise((done) => setTimeout(done, 5))
        inside--
        return { infected: true, name: String(most) }
      }`
  const plugin = pluginOf(t, source, { most: 3 })
  const heard = await Promise.all(Array.from({ length: 12 }, () => plugin.hear('x')))
  t.same(new Set(heard), new Set(['1']))
})

t.test('a message waits for a process until its own deadline', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(`fs.closeSync(fs.openSync('lifeline', 'w')); await pause(3_600_000)`),
  })
  const atWork = lifeline(directory)
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { most: 1 })
  const gone = new AbortController()
  const first = plugin.ask('offend', {}, gone.signal)
  await atWork
  const { answer, milliseconds, listeners } = await plugin.ask('x', { timeout: 300 })
  t.match(answer, { answer: 'unknown', cause: 'busy', reason: 'no scanner became free in time' })
  t.ok(milliseconds >= 299, `${milliseconds} ms`)
  t.equal(listeners, 0)
  const patient = plugin.hear('y')
  gone.abort()
  await first
  t.match(await patient, isProcess, 'who waits longer gets one')
})

t.test('an idle process ends after a while', async (t) => {
  const directory = t.testdir({ 'a.mjs': namesProcess('', HOLDS_LIFELINE) })
  const gone = lifeline(directory)
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { idle: 100 })
  t.match(await plugin.hear('x'), isProcess)
  await gone
})

t.test('a process is renewed after the set number of messages', async (t) => {
  const plugin = pluginOf(t, namesProcess(), { messages: 3 })
  const heard: string[] = []
  for (let i = 0; i < 7; i++) heard.push(await plugin.hear('x'))
  const [a, , , b, , , c] = heard
  t.same(heard, [a, a, a, b, b, b, c])
  t.equal(new Set(heard).size, 3)
})

t.test('a changed file is loaded by the next pool, and processes at work finish', async (t) => {
  const naming = (name: string) =>
    `import fs from 'node:fs'
    export async function virusscan({ path }) {
      if (!fs.readFileSync(path, 'latin1').includes('slow')) return { infected: true, name: '${name}' }
      fs.closeSync(fs.openSync('${name}', 'w'))
      while (!fs.existsSync('go')) await new Promise((done) => setTimeout(done, 5))
      return { infected: true, name: '${name}' }
    }`
  const directory = t.testdir({ 'a.mjs': naming('old') })
  const question = { directory, file: 'a.mjs' }
  const before = poolPlugin(t, question)
  t.equal(await before.hear('x'), 'old')
  writeFileSync(join(directory, 'new.mjs'), naming('new'))
  renameSync(join(directory, 'new.mjs'), join(directory, 'a.mjs'))
  t.equal(await before.hear('x'), 'old', 'not for each message')

  const atWork = lifeline(directory, 'old')
  const slow = before.hear('slow')
  await atWork
  before.scanner.close?.()
  const next = poolPlugin(t, question)
  t.equal(await next.hear('x'), 'new')
  writeFileSync(join(directory, 'go'), '')
  t.equal(await slow, 'old')
})

t.test('a closed pool keeps no process, but still answers questions', async (t) => {
  const directory = t.testdir({ 'a.mjs': namesProcess('', HOLDS_LIFELINE) })
  const gone = lifeline(directory)
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  const first = await plugin.hear('x')
  plugin.scanner.close?.()
  await gone
  const again = lifeline(directory, 'again')
  writeFileSync(join(directory, 'a.mjs'), namesProcess('', `fs.openSync('again', 'w')`))
  const late = await plugin.hear('x')
  t.match(late, isProcess)
  t.not(late, first)
  await again
})

const GIB = 1024 ** 3

/** Finds the hard limits that proc(5) shows of its process. */
const limits = `
  const limits = require('node:fs').readFileSync('/proc/self/limits', 'latin1')
  const hard = (name) => /(\\S+) +\\w+ *$/m.exec(limits.slice(limits.indexOf(name)).split('\\n')[0])[1]
  exports.virusscan = () => ({ infected: true, name: hard('Max data size') + ' ' + hard('Max cpu time') })`

// promise: bad-scanner
t.test('a process has 1 GiB, and 300 seconds more processor time than SCANTIMEOUT', async (t) => {
  const directory = t.testdir({ 'a.cjs': limits })
  const question = { directory, file: 'a.cjs', timeout: 20_000 }
  const name = `${GIB} ${300 + 25 * availableParallelism()}`
  t.same((await ask(question)).answer, { answer: 'infected', name })
  t.equal(await poolPlugin(t, question).hear('x'), name)
})

t.test('a plugin that takes all of the memory defers its message alone', async (t) => {
  const directory = t.testdir({
    'a.cjs': `
      const fs = require('node:fs')
      exports.virusscan = ({ path }) => {
        if (!fs.readFileSync(path, 'latin1').includes('greedy')) return { clean: true }
        const taken = []
        while (taken.length < 30) taken.push(Buffer.alloc(100 * 1024 * 1024, 1))
        return { infected: true, name: 'took ' + taken.length }
      }`,
  })
  const plugin = poolPlugin(t, { directory, file: 'a.cjs' })
  t.equal(await plugin.hear('x'), 'clean')
  const reason = await plugin.hear('greedy')
  t.match(reason, /^(threw RangeError|died of|exited with)/)
  t.equal(await plugin.hear('x'), 'clean')
})

t.test('a kept process is renewed before its processor time ends', async (t) => {
  const directory = t.testdir({
    'a.cjs': `
      const { cpuUsage } = process
      exports.virusscan = ({ path }) => {
        const subject = require('node:fs').readFileSync(path, 'latin1').trim()
        if (subject.endsWith('used up')) process.cpuUsage = () => ({ user: 299e6, system: 2e6 })
        return { infected: true, name: String(process.pid) }
      }`,
  })
  const plugin = poolPlugin(t, { directory, file: 'a.cjs' })
  const first = await plugin.hear('x')
  t.equal(await plugin.hear('used up'), first)
  t.not(await plugin.hear('x'), first)
})
