import { chmodSync, closeSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Argv } from 'yargs'
import { errorCode, errorTextAt, Fault } from '../../base/errors/fault.ts'
import { PathHandle, pathExists } from '../../base/path/path-handle.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../base/settings/control-directories.ts'
import { hostSwitchFile, switchFile } from '../../base/settings/off-switch.ts'
import { formatMode } from '../../base/text/units.ts'
import { printsJson, textOption } from './command/cli-options.ts'
import { FAILED, makeCommand, type Output } from './command/run-command.ts'

/** `onescan disable`: lets mail pass unchanged from the next message on. */
export const disableCommand = makeCommand('disable', {
  command: 'disable',
  describe: 'Stop scanning: accept all mail unscanned',
  builder: (yargs) =>
    controlOption(yargs)
      .example('$0 disable', 'Disable scanning on this host, at once')
      .epilogue('Exit codes: 0 scanning is disabled; 2 it could not be disabled.'),
  async work({ control: option }, output) {
    const { QMAILHOME, CONTROLDIR } = process.env
    // The switch of the qmail that the option or the environment names; otherwise that of the host.
    const isOfQmail = option !== undefined || Boolean(QMAILHOME || CONTROLDIR)
    const qmails =
      option === undefined ? readControlDirectories(process.env).control : resolve(option)
    const control = isOfQmail ? qmails : undefined
    const file = control === undefined ? hostSwitchFile : switchFile({ control })
    const made = failWithRemedy(file, () => {
      if (control === undefined && mkdirSync(HOST_DIRECTORY, { recursive: true }) !== undefined) {
        chmodSync(HOST_DIRECTORY, 0o755) // independent of the umask: every door reads it
      }
      return make(file)
    })
    const whose = control === undefined ? 'this host' : 'this qmail'
    const since = `: all mail of ${whose} is accepted unscanned until "onescan enable" removes ${file}`
    output.text(`scanning is ${made ? `disabled${since}` : `already disabled: ${file} exists`}\n`)
    printDoors(control, output)
    await output.result({ off: true, file, changed: made, control, doors })
    const directory = dirname(file)
    const mode = PathHandle.with(directory, ({ stats }) => stats.mode)
    if ((mode & 0o001) !== 0) return 0
    const barrier = `${directory}: mode ${formatMode(mode)} hides ${basename(file)} from other users`
    output.error(`${barrier}: their programs still scan; run chmod o+x on it`)
    return FAILED
  },
})

/** `onescan enable`: undoes `onescan disable`. */
export const enableCommand = makeCommand('enable', {
  command: 'enable',
  describe: 'Scan again after "onescan disable"',
  builder: (yargs) =>
    controlOption(yargs)
      .example('$0 enable', 'Scan mail again')
      .epilogue('Exit codes: 0 scanning is enabled; 2 it could not be enabled.'),
  async work({ control: option }, output) {
    const control = option === undefined ? undefined : resolve(option)
    // Without --control both switches that doors on this host may obey.
    const files =
      control === undefined
        ? [hostSwitchFile, switchFile(readControlDirectories(process.env))]
        : [switchFile({ control })]
    const removed = files.filter((file) => failWithRemedy(file, () => remove(file)))
    const done =
      removed.length > 0
        ? `removed ${removed.join(' and ')}`
        : `was not disabled (no ${files.join(', no ')})`
    const off = pathExists(hostSwitchFile)
    if (off) {
      const still = 'scanning is still disabled on this host'
      output.text(`${done}, but ${hostSwitchFile} exists: ${still}; run "onescan enable"\n`)
    } else {
      output.text(`scanning is enabled: ${done}\n`)
      printDoors(control, output)
    }
    for (const file of files) {
      await output.result({ off, file, changed: removed.includes(file), control, doors })
    }
    return 0
  },
})

function controlOption(yargs: Argv<object>) {
  const describe = `Only interfaces with this qmail control directory [default: all, by ${hostSwitchFile}]`
  return yargs.option('control', textOption(describe)).option('json', printsJson)
}

const doors = ['onescan-queue', 'onescanc', 'onescan-rcptquota', 'onescand']

function printDoors(control: string | undefined, output: Output): void {
  const whose =
    control === undefined
      ? 'all interfaces of this host'
      : `interfaces with the control directory ${control} (QMAILHOME, CONTROLDIR)`
  output.text(`from the next message on, this affects ${whose}\n`)
}

function remedies(place: string): Readonly<Record<string, string>> {
  const account = `run this as root, or as an account that may write to ${place}`
  const directory = 'specify the control directory with --control'
  return { EACCES: account, EPERM: account, ENOENT: directory, ENOTDIR: directory }
}

/** Calls `act`. An error of the system is rethrown with the file and the remedy. */
function failWithRemedy<Value>(file: string, act: () => Value): Value {
  try {
    return act()
  } catch (error) {
    if (errorCode(error) === '') throw error
    const { [errorCode(error)]: remedy = 'check its file system' } = remedies(dirname(file))
    throw new Fault('config', `${file}: ${errorTextAt(dirname(file), error)}; ${remedy}`)
  }
}

/** Creates the file. Returns whether it did not exist before. */
function make(file: string): boolean {
  try {
    closeSync(atName(file, (path) => openSync(path, 'wx', 0o644)))
    return true
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (pathExists(file)) return false
    // The doors look for a file at the end of the link.
    throw new Error(
      `${file}: is a link to a file that does not exist, so scanning is still enabled; remove the link`,
    )
  }
}

/** Removes the file. Returns whether it existed. */
function remove(file: string): boolean {
  try {
    atName(file, unlinkSync)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

/** Calls `act` with a path to the file's name in its directory, which no link of another user's leads to. */
function atName<Value>(file: string, act: (path: string) => Value): Value {
  return PathHandle.with(dirname(file), (place) => act(place.at(basename(file))))
}
