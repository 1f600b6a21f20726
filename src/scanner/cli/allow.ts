import { existsSync } from 'node:fs'
import { Fault } from '../../base/errors/fault.ts'
import { runProgram } from '../../base/process/run-program.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../base/settings/control-directories.ts'
import { parseRules, RULES_MAX } from '../scan/rules/parse-rules.ts'
import { ruleFiles } from '../scan/rules/rule.ts'
import { printsJson, textOption } from './command/cli-options.ts'
import { replaceFile } from './command/replace-file.ts'
import { FAILED, makeCommand, type Output } from './command/run-command.ts'
import { hasSystemd } from './host/systemd-unit.ts'

/** `onescan allow`: an exception in onescan.policy, tried and taken over. */
export const allowCommand = makeCommand('allow', {
  command: 'allow <sender>',
  describe: 'Accept findings in mail from a sender',
  builder: (yargs) =>
    yargs
      .positional('sender', {
        type: 'string',
        demandOption: true,
        describe: 'An address, a domain, or .domain for all below it',
      })
      .option('client', textOption('Only from this address or network, such as 192.0.2.0/24'))
      .option('to', textOption('Only for this recipient or domain'))
      .option('signature', textOption('Only if this was found, with * for any characters'))
      .option('json', printsJson)
      .example(
        "$0 allow ann@example.net --signature 'Win.Test.*'",
        'A false positive from one sender',
      )
      .epilogue(
        'Adds a line to the existing policy file, or to /etc/onescan/policy, and makes onescand ' +
          'reload it. See onescan-policy(5). The mail is accepted with its tag. Anyone can forge a sender: ' +
          'add a client or a signature.\n\n' +
          'Exit codes: 0 the line is used from the next message on; 2 nothing was changed, or ' +
          'onescand did not load it.',
      ),
  async work({ sender: from, client, to, signature }, output) {
    const line = lineFor({ from, client, to, signature })
    const { control } = readControlDirectories(process.env)
    const files = ruleFiles(control, HOST_DIRECTORY)
    const path = files.find((file) => existsSync(file)) ?? files.at(-1)!
    let number = 0
    let isNew = true
    await replaceFile({
      path,
      max: RULES_MAX,
      mode: 0o644,
      encoding: 'utf8',
      change(old) {
        isNew = !old.split('\n').includes(line)
        const next = isNew ? `${old}${line}\n` : old
        number = next.split('\n').indexOf(line) + 1
        parseRules(next, path) // of all lines: an invalid one would stop all mail
        return next
      },
    })
    output.text(`${path} line ${number}: ${line}${isNew ? '' : ' (already there)'}\n`)
    if (client === undefined && signature === undefined) {
      output.warn(`anyone can forge ${from}: add --client or --signature`)
    }
    await reloadOnescand(output)
    await output.result({ file: path, line: number, rule: line, changed: isNew })
    return output.hasErrors ? FAILED : 0
  },
})

/** The line of onescan.policy. Throws a Fault if a value would be more than one. */
function lineFor(conditions: Readonly<Record<string, string | undefined>>): string {
  const words = Object.entries(conditions).flatMap(([name, value]) => {
    if (value === undefined) return []
    const mayHaveBlanks = name === 'signature' // as names of attachments have
    if (/[,"'\0-\x1f]/.test(value) || (!mayHaveBlanks && /[\s#\\]/.test(value))) {
      const remedy = mayHaveBlanks ? 'write * for it' : 'edit the policy file instead'
      throw new Fault('config', `${name} ${value}: contains white space, a comma or a quote; ${remedy}`) // biome-ignore format: a line
    }
    return [`${name}=${value.includes(' ') ? `"${value}"` : value}`]
  })
  return `${words.join(',')} allow`
}

/** Milliseconds for systemd, which has a limit of its own: TimeoutStartSec= in systemd.service(5). */
const RELOAD_TIMEOUT = 120_000

/** Makes onescand reload the file. onescan-queue reads it for each message. */
async function reloadOnescand(output: Output): Promise<void> {
  if (!hasSystemd()) {
    output.text(
      'qmail uses this line from the next message on; for onescand, run svc -h /service/onescand\n',
    )
    return
  }
  const command = ['systemctl', 'reload', 'onescand']
  const { code, complaint } = await runProgram({ command, within: RELOAD_TIMEOUT })
  if (code === 0) output.text('this line is used from the next message on\n')
  else {
    const reason = complaint.trim().split('\n')[0]
    output.error(`onescand did not load this line (${reason}); run systemctl status onescand`)
  }
}
