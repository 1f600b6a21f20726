import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectMarionette, type Marionette } from './marionette.ts'
import { isFile, type Reader } from './reader.ts'

/** The program itself: what is in PATH is a script around it. */
export const THUNDERBIRD = '/usr/lib/thunderbird/thunderbird-bin'

/** Milliseconds for one message. */
const TIMEOUT = 20_000

/** Milliseconds until it listens. */
const START_TIMEOUT = 120_000

/** It asks nothing, and reaches nothing beyond this machine. */
const preferences: Readonly<Record<string, unknown>> = {
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'mail.provider.suppress_dialog_on_startup': true,
  'mailnews.start_page.enabled': false,
  'marionette.port': 0,
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
}

/** Thunderbird without a window, which opens messages from files (read/thunderbird.mjs). */
export function thunderbird(places: string): Reader {
  const place = join(places, 'thunderbird')
  mkdirSync(place)
  let program: ChildProcess | undefined
  let connection: Promise<Marionette> | undefined
  let script: Promise<string> | undefined
  let asked = 0

  async function start(): Promise<Marionette> {
    const profile = join(place, 'profile')
    rmSync(profile, { recursive: true, force: true })
    mkdirSync(profile)
    const lines = Object.entries(preferences).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
    )
    writeFileSync(join(profile, 'user.js'), lines.join(''))
    const words = ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote']
    program = spawn(THUNDERBIRD, [...words, '--profile', profile], {
      env: { ...process.env, HOME: place, MOZ_HEADLESS: '1' },
      stdio: 'ignore',
    })
    const portFile = join(profile, 'MarionetteActivePort')
    for (const end = Date.now() + START_TIMEOUT; Date.now() < end; await delay(200)) {
      const port = existsSync(portFile) ? Number(readFileSync(portFile, 'latin1')) : 0
      if (port > 0) return connectMarionette(port, TIMEOUT)
    }
    throw new Error(`${THUNDERBIRD} does not listen`)
  }

  async function stop() {
    const [ending, old] = [program, connection]
    program = connection = undefined
    await old?.then((marionette) => marionette.end()).catch(() => {})
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = once(ending, 'exit')
    ending.kill('SIGKILL')
    await gone
  }

  return {
    names: ['Thunderbird'],
    async ask(message) {
      script ??= import(join(import.meta.dirname, 'read/thunderbird.mjs')).then(
        ({ contentsOf }) =>
          `const [path, done] = arguments; (${contentsOf})(path).then(done, () => done([]))`,
      )
      connection ??= start()
      const marionette = await connection
      const path = join(place, `${++asked}.eml`)
      writeFileSync(path, message)
      try {
        const contents = (await marionette.run(await script, [path])) as string[]
        const opens = contents.some((content) => isFile(Buffer.from(content, 'base64url')))
        return opens ? ['Thunderbird'] : []
      } catch {
        await stop() // it fell over this message, or loops: it opens nothing
        return []
      } finally {
        rmSync(path)
      }
    },
    stop,
  }
}
