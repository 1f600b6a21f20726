import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * qmail-spp's part of an SMTP session, by its README: plugins are run one after the other
 * for each RCPT, with the session in their environment; they print commands, a line
 * each; A, N, O, E, R and D end the list; standard error is logged.
 */
export interface SppSession {
  /** MAIL FROM: what plugins receive from now on. */
  mail(sender: string): void
  /** RCPT TO: what the client reads. Throws where a plugin breaks the contract. */
  rcpt(address: string): Promise<string>
  /** What the plugins have written to standard error. */
  readonly log: string
}

export function openSppSession(
  plugins: readonly (readonly string[])[],
  environment: Readonly<Record<string, string>>,
): SppSession {
  const env: Record<string, string> = { ...environment, SMTPHELOHOST: 'client.example.net' }
  let accepted = 0
  let all = 0
  let log = ''

  async function run([program, ...words]: readonly string[]): Promise<string[]> {
    const child = spawn(program!, words, { env, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    child.stdin.on('error', () => {})
    child.stdin.write('DATA\r\n') // the client's next command is there already: not for the plugin
    child.stdout.setEncoding('latin1').on('data', (text) => {
      output += text
    })
    child.stderr.setEncoding('latin1').on('data', (text) => {
      log += text
    })
    const [code, signal] = await once(child, 'close')
    if (code !== 0) throw new Error(`plugin ended with ${signal ?? code}: ${log}`)
    if (output !== '' && !output.endsWith('\n')) throw new Error(`no line end: ${output}`)
    return output.split('\n').slice(0, -1)
  }

  /** The client's reply, or undefined: the next plugin is asked. */
  async function verdictOf(plugin: readonly string[]): Promise<string | undefined> {
    for (const command of await run(plugin)) {
      const text = command.slice(1)
      if (/^[ANO]$/.test(command)) return '250 ok'
      if (/^[ER]/.test(command)) return text
      if (/^S\w+=/.test(command)) env[text.split('=')[0]!] = text.slice(text.indexOf('=') + 1)
      else throw new Error(`unknown command: ${command}`)
    }
    return undefined
  }

  return {
    get log() {
      return log
    },
    mail(sender) {
      env.SMTPMAILFROM = sender
      accepted = 0
      all = 0
    },
    async rcpt(address) {
      env.SMTPRCPTTO = address
      env.SMTPRCPTCOUNT = String(accepted)
      env.SMTPRCPTCOUNTALL = String(++all)
      env.SMTPRCPTHOSTSOK = address.endsWith('.example.com') ? '0' : '1'
      let reply = '250 ok'
      for (const plugin of plugins) {
        const verdict = await verdictOf(plugin)
        if (verdict === undefined) continue
        reply = verdict
        break
      }
      if (reply.startsWith('250')) accepted++
      return reply
    },
  }
}

/** The plugins for RCPT of a control/smtpplugins: those below `[rcpt]`, as words. */
export function rcptPlugins(smtpplugins: string): string[][] {
  const [, section = ''] = smtpplugins.split('[rcpt]\n')
  return section
    .split(/^\[/m)[0]!
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' '))
}
