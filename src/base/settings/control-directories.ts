import { join } from 'node:path'
import type { Environment } from '../process/environment.ts'
import { readSetting } from './read-settings.ts'

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

/** Directory for onescan's own files; qmail does not use it. */
export const HOST_DIRECTORY = '/etc/onescan'
