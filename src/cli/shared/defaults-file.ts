import { existsSync } from 'node:fs'
import { readOwnText } from '../../runtime/path/read.ts'
import type { Environment } from '../../settings/settings.ts'

/** Where the Debian package keeps onescand's settings. */
export const DEFAULTS = '/etc/default/onescand'

/** What a file of settings sets, as who reads it understands it. */
export interface DefaultsFile {
  /** By name; what stands there last counts. */
  readonly env: Environment
  /** ONESCAND_OPTIONS, in words as sh(1) and systemd.exec(5) part them. */
  readonly words: readonly string[]
  /** Lines that are not what they look like. */
  readonly odd: readonly OddLine[]
}

export interface OddLine {
  readonly text: string
  readonly why: string
  readonly remedy: string
  /** Whether nothing is set by it. */
  readonly isLost: boolean
}

/** A directory that is there if systemd has started this host, and reads such files: sd_booted(3). */
export const SYSTEMD = '/run/systemd/system'

/**
 * `NAME="value"` lines, as systemd.exec(5) reads an EnvironmentFile, or sh(1) in the run script. The
 * two differ about blanks around `=` and line ends of Windows. Throws if the file cannot be read.
 */
export function readDefaults(file: string, isSystemd: boolean = existsSync(SYSTEMD)): DefaultsFile {
  const env: Record<string, string> = {}
  const odd: OddLine[] = []
  const text = readOwnText(file)
  if (text.includes('\r\n')) {
    const why = 'has line ends of Windows (CR LF), which sh takes for a part of each value'
    odd.push({ text: file, why, remedy: `sed -i 's/\\r$//' ${file}`, isLost: !isSystemd })
  }
  for (const line of text.split('\n')) {
    const ended = isSystemd ? line.replace(/\r$/, '') : line
    const [, name, before = '', after = '', rest = ''] =
      /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)([ \t]*)=([ \t]*)(.*)$/s.exec(ended) ?? []
    if (name === undefined) continue
    const { value, isWhole } = assigned(rest)
    const hasBlanks = before !== '' || (after !== '' && value !== '')
    const remedy = `write ${name}="${value.replaceAll('\r', '')}"`
    if (hasBlanks) {
      const why = 'has blanks around =: sh sets nothing by it, and systemd does'
      odd.push({ text: ended.trim(), why, remedy, isLost: !isSystemd })
    } else if (!isWhole) {
      const why = 'has blanks outside of quotes: sh takes what follows for a command'
      odd.push({ text: ended.trim(), why, remedy: 'put quotes around the value', isLost: true })
    }
    if (isSystemd || (!hasBlanks && isWhole)) env[name] = value
  }
  const words = (env.ONESCAND_OPTIONS ?? '').split(/[ \t\n]+/).filter((word) => word !== '')
  return { env, words, odd }
}

/** Without its quotes; `isWhole` is false if more follows them than a comment. */
function assigned(rest: string): { readonly value: string; readonly isWhole: boolean } {
  const [, quote, quoted, behind] = /^(["'])(.*?)\1(.*)$/s.exec(rest) ?? []
  if (quote !== undefined) {
    const end = behind!.trim()
    // sh joins a carriage return that follows the quote.
    const value = behind!.startsWith('\r') ? `${quoted}\r` : quoted!
    return { value, isWhole: end === '' || /^\s+#/.test(behind!) }
  }
  const [value = '', ...others] = rest.split(/[ \t]+/)
  return { value, isWhole: others.length === 0 || others[0] === '' || others[0]!.startsWith('#') }
}
