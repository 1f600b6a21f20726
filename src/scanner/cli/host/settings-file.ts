import { settingsOfOnescand } from '../../configuration/settings-of-onescand.ts'
import {
  type DaemonOptions,
  optionFaults,
  understoodOptions,
} from '../../options/daemon-options.ts'

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
export const optionsOfOnescand = (): DaemonOptions => understoodOptions(optionWords())

/** Returns a line for each fault of these options. */
export const faultsOfOptions = (): readonly string[] => optionFaults(optionWords())

function optionWords(): string[] {
  const { ONESCAND_OPTIONS = '' } = settingsOfOnescand()
  return ONESCAND_OPTIONS.split(/[ \t]+/).filter((word) => word !== '')
}
