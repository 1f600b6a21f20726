import { availableParallelism } from 'node:os'
import t from 'tap'
import { ask } from './asking.ts'
import { poolPlugin } from './pooled.ts'

/** How much of the machine the process of a plugin may use. */

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
  const why = await plugin.hear('greedy')
  t.match(why, /^(threw RangeError|died of|exited with)/)
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
