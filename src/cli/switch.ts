import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Argv, CommandModule } from 'yargs'
import { errorCode } from '../fault.ts'
import { readPlace, switchFile } from '../policy/policy.ts'
import { print, runCommand } from './run-command.ts'

interface SwitchOptions {
  control: string | undefined
}

/** `onescan disable`: from the next message on, mail passes as it is. */
export const disableCommand: CommandModule<object, SwitchOptions> = {
  command: 'disable',
  describe: 'Let all mail pass as it is, neither verified nor scanned nor stamped',
  builder: (yargs) =>
    controlOption(yargs)
      .example('$0 disable', 'Switch onescan off on this host, at once')
      .epilogue('Exit codes: 0 it is off now (or was); 2 the switch cannot be made.'),
  handler: ({ control }) =>
    runCommand('disable', () => {
      const file = controlSwitch(control)
      print(
        make(file)
          ? `onescan is off: mail passes as it is until "onescan enable" removes ${file}\n`
          : `onescan is off already: ${file} is there\n`,
      )
      return 0
    }),
}

/** `onescan enable`: the way back. */
export const enableCommand: CommandModule<object, SwitchOptions> = {
  command: 'enable',
  describe: 'Undo "onescan disable"',
  builder: (yargs) =>
    controlOption(yargs)
      .example('$0 enable', 'Switch onescan on again')
      .epilogue('Exit codes: 0 it is on now (or was); 2 the switch cannot be removed.'),
  handler: ({ control }) =>
    runCommand('enable', () => {
      const file = controlSwitch(control)
      print(remove(file) ? `onescan is on: removed ${file}\n` : `onescan is on: no ${file}\n`)
      return 0
    }),
}

function controlOption(yargs: Argv<object>): Argv<SwitchOptions> {
  return yargs.option('control', {
    type: 'string',
    requiresArg: true,
    describe: "qmail's control directory [default: by QMAILHOME and CONTROLDIR]",
  })
}

function controlSwitch(control: string | undefined): string {
  const place = readPlace(process.env)
  return switchFile(control === undefined ? place : { ...place, control: resolve(control) })
}

/** Whether it had to be made. */
function make(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o644))
    return true
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (existsSync(file)) return false
    // The doors ask whether there is a file at its end.
    throw new Error(`${file}: is a link to nothing, so onescan is still on; remove the link`)
  }
}

/** Whether there was something to remove. */
function remove(file: string): boolean {
  try {
    rmSync(file)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}
