import { join } from 'node:path'
import { attempt } from '../../lib/errors/fault.ts'
import { readOwnFile } from '../../lib/path/open.ts'
import type { Environment } from '../../lib/settings/settings.ts'

/** The administrator's settings of onescand. */
export const DEFAULTS = '/etc/default/onescand'
/** Where the package and npm keep what counts if that file does not say otherwise. */
const SHIPPED = ['/usr/share/onescan/defaults', join(import.meta.dirname, '../packaging/defaults')]

/**
 * The settings that files have for onescand, for commands that look for something of it: a log, a
 * socket, a keyring. With which settings it runs, it says itself. Of a file that cannot be read there are
 * none.
 */
export function settingsOfOnescand(): Environment {
  const files = [...SHIPPED.map((place) => join(place, 'onescand')).toReversed(), DEFAULTS]
  const lines = files.flatMap((file) => {
    const text = attempt(() => readOwnFile(file).toString('utf8')) ?? ''
    return [
      ...text.matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^#\n]*))/gm),
    ]
  })
  return Object.fromEntries(
    lines.map(([, name, doubly, singly, plain]) => [
      name,
      (doubly ?? singly ?? plain ?? '').trim(),
    ]),
  )
}

/**
 * A line of a file of variables as systemd reads it (systemd.exec(5), EnvironmentFile=): empty, a comment, or
 * an assignment, whose value may go on; else its first word is caught.
 */
const LINE =
  /^[ \t]*(?:[#;].*|[^=\n]*=(?:[ \t]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')*(?:[^\s"'\\](?:[^\n\\]|\\[\s\S])*)?|([^\s=]+)[^=\n]*)?$/gm

/**
 * The lines that systemd passes over without a word, since they have no "=": their numbers, and first words.
 */
export function findIdleLines(text: string): { readonly line: number; readonly word: string }[] {
  return [...text.matchAll(LINE)].flatMap(({ 1: word, index }) =>
    word === undefined ? [] : [{ line: text.slice(0, index).split('\n').length, word }],
  )
}

/** The options that these settings have for it. */
export function optionsOfOnescand(): string[] {
  const { ONESCAND_OPTIONS = '' } = settingsOfOnescand()
  return ONESCAND_OPTIONS.split(/[ \t]+/).filter((word) => word !== '')
}
