import { join } from 'node:path'
import { attempt } from '../../../base/errors/fault.ts'
import { readOwnFile } from '../../../base/path/open.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { DAEMON_QHPSI } from '../../../base/settings/table/scanners.ts'
import { type DaemonOptions, understoodOptions } from '../../options/daemon-options.ts'
import { DEFAULTS } from '../../readiness/host/checked-host.ts'

/** The files of the package and of npm with the defaults of that file. */
const SHIPPED = [
  '/usr/share/onescan/defaults',
  join(import.meta.dirname, '../packaging/shipped/defaults'),
]

/**
 * Returns the settings in files for onescand, for commands that need its scanners, its log, a socket or a keyring. QHPSI
 * has its default. The running onescand reports its settings itself. A file that cannot be read contributes none.
 */
export function settingsOfOnescand(): Environment {
  const files = [...SHIPPED.map((place) => join(place, 'onescand')).toReversed(), DEFAULTS]
  const lines = files.flatMap((file) => {
    const text = attempt(() => readOwnFile(file).toString('utf8')) ?? ''
    return [
      ...text.matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^#\n]*))/gm),
    ]
  })
  const settings: Environment = Object.fromEntries(
    lines.map(([, name, doubly, singly, plain]) => [
      name,
      (doubly ?? singly ?? plain ?? '').trim(),
    ]),
  )
  return { ...settings, QHPSI: settings.QHPSI || DAEMON_QHPSI }
}

/**
 * Matches a line of a file of variables as systemd reads it (systemd.exec(5), EnvironmentFile=): empty, a
 * comment, or an assignment, whose value may continue. Captures the first word of any other line.
 */
const LINE =
  /^[ \t]*(?:[#;].*|[^=\n]*=(?:[ \t]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')*(?:[^\s"'\\](?:[^\n\\]|\\[\s\S])*)?|([^\s=]+)[^=\n]*)?$/gm

/**
 * Returns the lines that systemd silently ignores, because they have no "=": their numbers, and first words.
 */
export function findIdleLines(text: string): { readonly line: number; readonly word: string }[] {
  return [...text.matchAll(LINE)].flatMap(({ 1: word, index }) =>
    word === undefined ? [] : [{ line: text.slice(0, index).split('\n').length, word }],
  )
}

/**
 * Returns the lines that have no effect, because a later one sets the same name to another value: systemd uses the last
 * one.
 */
export function findReplacedLines(
  text: string,
): { readonly line: number; readonly name: string; readonly by: number }[] {
  const last = new Map<string, { readonly line: number; readonly value: string }>()
  return [...text.matchAll(LINE)].flatMap(({ 0: whole, index }) => {
    const equals = whole.indexOf('=')
    const name = whole.slice(0, Math.max(equals, 0)).trim()
    if (!/^\w+$/.test(name)) return []
    const value = whole.slice(equals + 1).trim()
    const line = text.slice(0, index).split('\n').length
    const earlier = last.get(name)
    last.set(name, { line, value })
    return earlier === undefined || earlier.value === value
      ? []
      : [{ line: earlier.line, name, by: line }]
  })
}

/** The options that these settings have for it. */
export function optionsOfOnescand(): DaemonOptions {
  const { ONESCAND_OPTIONS = '' } = settingsOfOnescand()
  return understoodOptions(ONESCAND_OPTIONS.split(/[ \t]+/).filter((word) => word !== ''))
}
