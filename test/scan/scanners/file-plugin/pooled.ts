import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import {
  filePluginScanner,
  type PoolLimits,
  standardLimits,
} from '../../../../src/scan/scanners/file-plugin/file-plugin.ts'
import type { Scanner } from '../../../../src/scan/scanners/shared/scanner.ts'
import { ask, policyFor, type Question, type Reply, whyOf } from './asking.ts'

/** What the rig needs of tap's test object. */
interface Test {
  teardown(stop: () => unknown): void
}

export interface PooledPlugin {
  readonly scanner: Scanner
  /** Asks about the message `Subject: SUBJECT`. */
  ask(subject: string, more?: Partial<Question>, gone?: AbortSignal): Promise<Reply>
  /** Resolves to the name of what was found, "clean", or the reason of "could not tell". */
  hear(subject: string, more?: Partial<Question>): Promise<string>
}

let messages = 0

/** A file plugin as onescand has it, but with longer times for a slow machine. Its processes end with the test. */
export function poolPlugin(
  t: Test,
  question: Pick<Question, 'directory' | 'file' | 'settings' | 'timeout'>,
  limits: Partial<PoolLimits> = {},
): PooledPlugin {
  const { directory, file } = question
  const scanner = filePluginScanner(policyFor(question), file, {
    ...standardLimits,
    settle: 10_000,
    ...limits,
  })
  t.teardown(() => scanner.close?.())
  const askAbout: PooledPlugin['ask'] = (subject, more, gone) => {
    const path = join(directory, `message-${messages++}`)
    return ask({ ...question, message: `Subject: ${subject}\n\n`, path, ...more }, scanner, gone)
  }
  return {
    scanner,
    ask: askAbout,
    async hear(subject, more) {
      const { answer } = await askAbout(subject, more)
      if (answer.answer === 'infected') return answer.name
      return answer.answer === 'clean' ? 'clean' : whyOf(answer).replace(`plugin ${file}: `, '')
    },
  }
}

/**
 * A plugin in JavaScript that finds its own process id in each message, so that a test
 * sees which process judged it. `offence` is what it does where the subject is "offend",
 * and `always` what it does for each.
 */
export function tellsProcess(offence = '', always = ''): string {
  return `
    import fs from 'node:fs'
    import { spawn } from 'node:child_process'
    const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
    export async function virusscan(mail) {
      const subject = /^Subject: (.*)$/m.exec(fs.readFileSync(mail.path, 'latin1'))[1]
      ${always}
      if (subject === 'offend') {
        ${offence}
      }
      return { infected: true, name: String(process.pid) }
    }`
}

export const isProcess = /^\d+$/

/** Makes a FIFO of that name. Resolves when all processes that have opened it for writing have ended. */
export function lifeline(directory: string, name = 'lifeline'): Promise<void> {
  const fifo = join(directory, name)
  execFileSync('mkfifo', [fifo])
  return new Promise((resolve, reject) => {
    createReadStream(fifo).on('error', reject).on('end', resolve).resume()
  })
}
