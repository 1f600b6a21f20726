import type { CommandModule } from 'yargs'
import { errorText, Fault } from '../../base/errors/fault.ts'
import { parseIpAddress } from '../../base/net/ip-address.ts'
import type { Environment } from '../../base/process/environment.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../base/settings/control-directories.ts'
import { DAEMON_QHPSI, namesScanners } from '../../base/settings/table/scanners.ts'
import { readAddress } from '../../base/text/address.ts'
import { byteSize } from '../../base/text/values.ts'
import { readScanningConfig, withSettings } from '../scan/judge/context/judge-config.ts'
import type { Rules } from '../scan/rules/match.ts'
import { loadRules, loadRulesFrom } from '../scan/rules/parse-rules.ts'
import { type Rule, ruleFiles } from '../scan/rules/rule.ts'
import { flag, printsJson, textOption } from './command/cli-options.ts'
import { makeCommand } from './command/run-command.ts'
import { addEnvironmentOptions, slotEnvironment } from './host/slot-environment.ts'

/** The exit code if no line is used for the message. */
const NO_LINE = 1

/** `onescan policy`: which line of onescan.policy is used. */
export const policyCommand: CommandModule = {
  command: 'policy',
  describe: 'Show which line of the policy file is used',
  builder: (yargs) =>
    yargs
      .command(testCommand)
      .demandCommand(1, 'specify a subcommand: policy test FROM TO [CLIENT]')
      .example('$0 policy test ann@example.net ben@example.org 192.0.2.7', 'Which line is used'),
  handler: () => {},
}

const testCommand = makeCommand('policy test', {
  command: 'test <from> <to> [client]',
  describe: 'Show which line of the policy file is used for a message',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .positional('from', { type: 'string', demandOption: true, describe: 'Sender, or <>' })
      .positional('to', { type: 'string', demandOption: true, describe: 'One recipient' })
      .positional('client', { type: 'string', describe: 'IP address of the client' })
      .option('auth', flag('The client may relay, or has authenticated'))
      .option(
        'size',
        textOption('Size of the message in bytes, or with K, M or G', { default: '4K' }),
      )
      .option('file', textOption('Read this file instead of the usual one'))
      .option('json', printsJson)
      .epilogue(
        'CONTROLDIR or QMAILHOME set its directory.\n\n' +
          'Exit codes: 0 a line is used; 1 none is; 2 the file is invalid or missing.',
      ),
  async work(args, output) {
    const env = slotEnvironment(process.env, args)
    const rules = rulesOf(args.file, env)
    checkValues(rules, env)
    const { from, to, client: ip, auth: mayRelay, size } = args
    const client = ip === undefined ? undefined : parseIpAddress(ip)
    if (ip !== undefined && client === undefined)
      throw new Fault('config', `${ip}: is not an IP address; write one such as 192.0.2.7`)
    const sender = readAddress(from === '<>' ? '' : from)
    const recipient = readAddress(to)
    const facts = { sender, recipient, client, mayRelay, size: byteSize(size, '--size', 0) }
    const [rule, ...others] = rules.find(facts)
    const exceptions = [...rules.always, ...rules.exceptions(facts)].sort(
      (one, other) => one.line - other.line,
    )
    await output.result({
      file: rules.path,
      line: rule?.line,
      does: rule && doesOf(rule),
      others: others.map((other) => ({ line: other.line, does: doesOf(other) })),
      exceptions: exceptions.map(({ line, conditions: { signature } }) => ({ line, signature })),
    })
    const used = rule ? ` line ${rule.line}: ${doesOf(rule)}` : ': no line is used'
    output.text(`${rules.path}${used}\n`)
    for (const other of others) {
      output.text(`${rules.path} line ${other.line}: ${doesOf(other)}, if that is stricter\n`)
    }
    for (const { line, conditions } of exceptions) {
      const { signature = 'any signature' } = conditions
      output.text(`${rules.path} line ${line}: allow ${signature}\n`)
    }
    return rule || others.length + exceptions.length > 0 ? 0 : NO_LINE
  },
})

function rulesOf(file: string | undefined, env: Environment): Rules {
  if (file !== undefined) return loadRulesFrom(file)
  const { control } = readControlDirectories(env)
  const rules = loadRules(control, HOST_DIRECTORY)
  if (rules !== undefined) return rules
  const places = ruleFiles(control, HOST_DIRECTORY).join(', ')
  throw new Fault(
    'config',
    `there are no rules: none of ${places} has a line; add one there, or specify --file`,
  )
}

function doesOf({ action }: Rule): string {
  switch (action.kind) {
    case 'off':
      return 'scan off'
    case 'allow':
      return 'allow'
    case 'refuse':
      return action.text === undefined ? 'refuse' : `refuse "${action.text}"`
    case 'set': {
      const words = Object.entries(action.settings).map(([name, value]) => `${name}="${value}"`)
      return words.join(' ') || 'sets nothing'
    }
  }
}

/**
 * Reads the settings of all lines of onescan.policy like a door that uses a line. Throws a Fault
 * of kind `config` that names the line with a wrong value.
 */
function checkValues({ all, path }: Rules, env: Environment): void {
  const scanning = namesScanners(env.QHPSI) ? env : { ...env, QHPSI: DAEMON_QHPSI }
  const base = readScanningConfig(scanning)!
  for (const { action, line } of all) {
    if (action.kind !== 'set') continue
    try {
      withSettings(base, scanning, action.settings)
    } catch (error) {
      throw new Fault('config', `${path} line ${line}: ${errorText(error)}`, error)
    }
  }
}
