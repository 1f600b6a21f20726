import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../../lib/process/environment.ts'
import { readSetting } from '../../settings/read-settings.ts'

/** The directories of qmail and of its control files. */
export interface ControlDirectories {
  readonly qmailHome: string
  readonly control: string
}

/** Reads QMAILHOME and CONTROLDIR, which is below it or absolute (IndiMail's form). */
export function readControlDirectories(env: Environment): ControlDirectories {
  const qmailHome = readSetting(env, 'QMAILHOME')
  const control = readSetting(env, 'CONTROLDIR')
  return { qmailHome, control: control.startsWith('/') ? control : join(qmailHome, control) }
}

const SWITCH = 'onescan.off'

/** The directory of onescan's own files on this host, which does not belong to qmail. */
export const HOST_DIRECTORY = '/etc/onescan'

/** Returns the path of the file that turns off scanning for all interfaces of this control directory. */
export function switchFile(directories: Pick<ControlDirectories, 'control'>): string {
  return join(directories.control, SWITCH)
}

/** The file that turns off scanning for every interface of the host. */
export const hostSwitchFile: string = join(HOST_DIRECTORY, SWITCH)

/** The files that turn off scanning for the interfaces of these directories. */
export function switchFiles(directories: ControlDirectories): readonly string[] {
  return [switchFile(directories), hostSwitchFile]
}

/** Returns a reason for the log if one of the switch files exists, or undefined. */
export function switchedOff(directories: ControlDirectories): string | undefined {
  const file = switchFiles(directories).find((path) => existsSync(path))
  return file === undefined ? undefined : whyOff(file)
}

/** The reason for the log if this file exists. */
export const whyOff = (file: string): string => `${file} exists`
