import { execFileSync } from 'node:child_process'
import { createReadStream, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { call as callMilter, exchange, negotiate, packets } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { ask, call, framesOf } from '../doors/slot/socket/client.ts'
import { runtimes, startOnescand } from './process.ts'

/**
 * The processes of file plugins: onescand keeps them, and they end with it. PLUGINDIR is outside the tree,
 * where package.json does not decide what a file is.
 */

const message = (subject: string) => Buffer.from(`Subject: ${subject}\n\nbody\n`)

/** A plugin that finds its own version and process id, opens `lifeline`, and obeys the subject. */
const plugin = (version: string) => `
  const fs = require('node:fs')
  exports.virusscan = async ({ path }) => {
    const subject = /^Subject: (.*)$/m.exec(fs.readFileSync(path, 'latin1'))[1]
    if (fs.existsSync('lifeline')) fs.openSync('lifeline', 'w')
    if (subject === 'exit') process.exit(0)
    if (subject === 'wait' || subject === 'loop') fs.closeSync(fs.openSync('started', 'w'))
    if (subject === 'loop') for (;;);
    while (subject === 'wait' && !fs.existsSync('go')) await new Promise((done) => setTimeout(done, 5))
    return { infected: true, name: '${version}:' + process.pid }
  }`

/** Resolves when all processes that opened the FIFO have closed it. */
function fifo(directory: string, name: string): Promise<void> {
  execFileSync('mkfifo', [join(directory, name)])
  return new Promise((resolve, reject) => {
    createReadStream(join(directory, name)).on('error', reject).on('end', resolve).resume()
  })
}

for (const { name, program } of runtimes) {
  t.test(name, async (t) => {
    const directory = socketDirectory(t)
    const file = join(directory, 'a.cjs')
    writeFileSync(file, plugin('one'))
    const settings = { QHPSI: 'plugin: a.cjs', PLUGINDIR: directory, REJECTVIRUS: '1' }
    const milter = join(directory, 'milter')
    const args = ['--milter', `unix:${milter}`]
    const onescand = await startOnescand(t, { program, settings, args })
    const hear = async (subject: string) => {
      const { code, log } = await onescand.ask({ variables: settings, message: message(subject) })
      return code === 31 ? (/virus=(\S+)/.exec(log)?.[1] ?? log) : log
    }
    /** What the plugin answers, once two messages in a row had the same process. */
    const steady = async () => {
      for (let last = await hear('x'); ; ) {
        const next = await hear('x')
        if (next === last) return next
        last = next
      }
    }

    await t.test('a client that goes away ends the process that is at its message', async (t) => {
      const gone = fifo(directory, 'lifeline')
      const started = fifo(directory, 'started')
      const client = await call(onescand.socket)
      client.write(Buffer.concat(framesOf({ variables: settings, message: message('wait') })))
      await started
      rmSync(join(directory, 'lifeline')) // for those that come
      rmSync(join(directory, 'started'))
      client.destroy()
      await gone
      t.match(await hear('x'), /^one:\d+$/)
    })

    await t.test(
      'SIGHUP loads the file again, and messages at the old plugin are finished',
      async (t) => {
        const started = fifo(directory, 'started')
        const slow = hear('wait')
        await started
        rmSync(join(directory, 'started'))
        await steady() // in another process, which is kept
        writeFileSync(`${file}.new`, plugin('two'))
        renameSync(`${file}.new`, file)
        onescand.child.kill('SIGHUP')
        for (let last = 'one:'; last.startsWith('one:'); ) last = await hear('x')
        t.match(await hear('x'), /^two:/)
        writeFileSync(join(directory, 'go'), '')
        t.match(await slow, /^one:/)
      },
    )

    await t.test('SIGTERM ends all processes of plugins', async (t) => {
      const gone = fifo(directory, 'lifeline')
      t.match(await hear('x'), /^two:/)
      onescand.child.kill('SIGTERM')
      t.equal(await onescand.ended, 0)
      await gone
      rmSync(join(directory, 'lifeline'))
    })

    await t.test('a busy plugin does not outlast --grace', async (t) => {
      const other = await startOnescand(t, { program, settings, args: ['--grace', '1'] })
      const gone = fifo(directory, 'lifeline')
      const started = fifo(directory, 'started')
      const asked = other.ask({ variables: settings, message: message('loop') })
      await started
      rmSync(join(directory, 'started'))
      other.child.kill('SIGTERM')
      t.equal((await asked).does, 'go standalone')
      t.equal(await other.ended, 0)
      await gone
      rmSync(join(directory, 'lifeline'))
    })

    await t.test('no plugin outlives a killed daemon, not even in a busy loop', async (t) => {
      const other = await startOnescand(t, { program, settings })
      const gone = fifo(directory, 'lifeline')
      const started = fifo(directory, 'started')
      const question = { variables: settings, message: message('loop') }
      const cut = ask(other.socket, question).catch(() => {})
      await started
      other.kill()
      await gone
      await cut
      t.pass('they have ended')
    })
  })

  t.test(`${name}, a plugin receives the origin of a message`, async (t) => {
    const directory = socketDirectory(t)
    const script = `exports.virusscan = (mail) => {
      const { path, size, parts, sender, recipients, signal, log, ...rest } = mail
      return { infected: true, name: Object.values(rest).join() }
    }`
    writeFileSync(join(directory, 'a.cjs'), script)
    const settings = { QHPSI: 'plugin: a.cjs', PLUGINDIR: directory, REJECTVIRUS: '1' }
    const milter = join(directory, 'milter')
    const onescand = await startOnescand(t, {
      program,
      settings,
      args: ['--milter', `unix:${milter}`],
    })
    const ip = { ...settings, TCPREMOTEIP: '192.0.2.7' }
    for (const [variables, expected] of [
      [{ ...ip, TCPREMOTEHOST: 'client.example.org' }, '1,qmail,192.0.2.7,client.example.org'],
      [{ ...ip, TCPREMOTEHOST: 'other.example.org' }, '1,qmail,192.0.2.7,other.example.org'],
      [{ ...ip, TCPREMOTEHOST: 'unknown' }, '1,qmail,192.0.2.7'],
      [settings, '1,qmail'],
    ] as const) {
      const { log } = await onescand.ask({ variables })
      t.equal(/virus=(\S+)/.exec(log)?.[1], expected)
    }
    const line = await callMilter(milter)
    const agreed = await negotiate(line)
    await exchange(line, agreed, packets.connect('192.0.2.9'))
    await exchange(line, agreed, packets.helo)
    const mail = { message: message('x'), authenticated: 'user', queueId: '4Q1' }
    t.match(
      (await submit(line, agreed, mail)).reply,
      /1,milter,192\.0\.2\.9,client\.example\.org,client\.example\.org,user,4Q1/,
    )
    line.write(packets.quitNewConnection)
    await exchange(line, agreed, packets.connect('192.0.2.8'))
    const next = await submit(line, agreed, { message: message('x'), queueId: '4Q2' })
    t.match(next.reply, /1,milter,192\.0\.2\.8,client\.example\.org,4Q2/, 'and no other client')
    await line.close()
  })

  t.test(`${name}, a plugin imports npm packages beside it`, async (t) => {
    const directory = socketDirectory(t)
    const files = {
      'node_modules/modern/package.json': '{ "type": "module", "exports": "./lib/index.js" }',
      'node_modules/modern/lib/index.js': `
        import { part } from './part.js'
        import older from 'older'
        export const name = part + older.name`,
      'node_modules/modern/lib/part.js': `export const part = 'modern-'`,
      'node_modules/older/package.json': '{ "main": "lib/main" }',
      'node_modules/older/lib/main.js': `exports.name = require('./part')`,
      'node_modules/older/lib/part.js': `module.exports = 'older'`,
      'node_modules/either/package.json':
        '{ "exports": { "import": "./a.mjs", "require": "./b.cjs" } }',
      'node_modules/either/a.mjs': `export default '-import'`,
      'node_modules/either/b.cjs': `module.exports = '-require'`,
      'a.mjs': `
        import { name } from 'modern'
        import either from 'either'
        export const virusscan = () => ({ infected: true, name: name + either })`,
      'b.cjs': `
        const { name } = require('older')
        exports.virusscan = () => ({ infected: true, name: name + require('either') })`,
    }
    for (const [file, source] of Object.entries(files)) {
      mkdirSync(join(directory, dirname(file)), { recursive: true })
      writeFileSync(join(directory, file), source)
    }
    for (const [file, found] of [
      ['a.mjs', 'modern-older-import'],
      ['b.cjs', 'older-require'],
    ] as const) {
      const settings = { QHPSI: `plugin: ${file}`, PLUGINDIR: directory, REJECTVIRUS: '1' }
      const onescand = await startOnescand(t, { program, settings })
      const { log } = await onescand.ask({ variables: settings })
      t.equal(/virus=(\S+)/.exec(log)?.[1] ?? log, found)
    }
  })

  t.test(`${name}, a plugin sees no setting of the runtime`, async (t) => {
    const directory = socketDirectory(t)
    const script = `
      const settings = () => Object.keys(process.env).filter((name) => /^(BUN|NODE)_/.test(name))
      exports.virusscan = () => ({ infected: true, name: 'none' + settings() })`
    writeFileSync(join(directory, 'a.cjs'), script)
    const settings = { QHPSI: 'plugin: a.cjs', PLUGINDIR: directory, REJECTVIRUS: '1' }
    const onescand = await startOnescand(t, { program, settings })
    t.match((await onescand.ask({ variables: settings })).log, /virus=none /)
  })
}
