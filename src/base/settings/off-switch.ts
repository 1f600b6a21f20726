import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ControlDirectories, HOST_DIRECTORY } from './control-directories.ts'

const SWITCH = 'onescan.off'

/** Returns the path of the file that turns off scanning for all doors of this control directory. */
export function switchFile(directories: Pick<ControlDirectories, 'control'>): string {
  return join(directories.control, SWITCH)
}

/** The file that turns off scanning for every door of the host. */
export const hostSwitchFile: string = join(HOST_DIRECTORY, SWITCH)

/** The files that turn off scanning for the doors of these directories. */
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
