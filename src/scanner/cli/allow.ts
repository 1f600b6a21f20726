import { Fault } from '../../base/errors/fault.ts'
import { runProgram } from '../../base/process/run-program.ts'
import { changeExceptions, exceptionFor } from '../configuration/exceptions.ts'
import { flag, printsJson, textOption } from './command/cli-options.ts'
import { FAILED, makeCommand, type Output } from './command/run-command.ts'
import { hasSystemd } from './host/systemd-unit.ts'

/** `onescan allow`: an exception in onescan.policy, tried and taken over. */
export const allowCommand = makeCommand('allow', {
  command: 'allow [sender]',
  describe: 'Accept findings in mail from a sender',
  builder: (yargs) =>
    yargs
      .positional('sender', {
        type: 'string',
        describe: 'An address, a domain, or .domain for all below it; optional with --to',
      })
      .option('client', textOption('Only from this address or network, such as 192.0.2.0/24'))
      .option('to', textOption('Only for this recipient or domain'))
      .option('signature', textOption('Only if this was found, with * for any characters'))
      .option('remove', flag('Remove the line again'))
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
  async work({ sender: from, client, to, signature, remove }, output) {
    if (from === undefined && to === undefined)
      throw new Fault('config', 'specify a sender, or --to with a recipient')
    const line = exceptionFor({ from, client, to, signature })
    const change = remove ? 'remove' : 'add'
    const { path, number, isChanged } = await changeExceptions(process.env, [line], change)
    const place = number > 0 ? ` line ${number}` : ''
    const note = isChanged ? (remove ? ' (removed)' : '') : ` (${remove ? 'not' : 'already'} there)`
    output.text(`${path}${place}: ${line}${note}\n`)
    if (!remove && client === undefined && signature === undefined) {
      const wide = from ? `anyone can forge ${from}` : `this accepts all infected mail for ${to}`
      output.warn(`${wide}: add --client or --signature`)
    }
    await reloadOnescand(output)
    await output.result({ file: path, line: number, rule: line, changed: isChanged })
    return output.hasErrors ? FAILED : 0
  },
})

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
    output.error(`onescand has not loaded it (${reason}); as root, run systemctl reload onescand`)
  }
}
