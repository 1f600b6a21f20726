import { basename } from 'node:path'
import { Fault } from '../../errors/fault.ts'
import { splitWords } from './values.ts'

/** The plugins that come with onescan. */
export const builtInNames = ['clamd', 'clamscan', 'attachments', 'eicar'] as const
export type BuiltInName = (typeof builtInNames)[number]

export function isBuiltIn(name: string): name is BuiltInName {
  return (builtInNames as readonly string[]).includes(name)
}

/** The value of QHPSI: one command, or plugins in their order. */
export type QhpsiLine =
  | { readonly kind: 'command'; readonly words: readonly string[] }
  | { readonly kind: 'plugins'; readonly names: readonly string[] }

/** Reads `plugin: NAME…` or a command; undefined if the text is blank. */
export function readQhpsiLine(text: string): QhpsiLine | undefined {
  if (text.trim() === '') return undefined
  const plugins = /^\s*plugin:(.*)$/s.exec(text)
  const words = splitWords(plugins ? plugins[1]! : text, 'QHPSI')
  if (words.length === 0) {
    throw new Fault('config', `QHPSI ${text}: names no scanner; unset it to scan nothing`)
  }
  if (plugins) return { kind: 'plugins', names: words }
  refusePlugins(text, words)
  return { kind: 'command', words }
}

/**
 * Throws a Fault if the command is the name of a plugin. `clamd` as a command is the daemon, whose exit
 * code means *infected*: all mail would be refused. (`clamscan` alone is a command that works.)
 */
function refusePlugins(text: string, words: readonly string[]): void {
  const areNames = words.every(isBuiltIn) && words.join() !== 'clamscan'
  if (!areNames && basename(words[0]!) !== 'clamd') return
  const suggestion = areNames ? words.join(' ') : 'clamd'
  throw new Fault(
    'config',
    `QHPSI ${text}: names a built-in plugin as a command; did you mean "plugin: ${suggestion}"?`,
  )
}

/** Whether a client's QHPSI is the daemon's own, or names some of the daemon's plugins, each once. */
export function isWithin(line: QhpsiLine, own: QhpsiLine): boolean {
  if (line.kind === 'plugins' && own.kind === 'plugins') {
    const names = new Set(line.names)
    const same = line.names.join('\0') === own.names.join('\0')
    return (
      same ||
      (names.size === line.names.length && line.names.every((name) => own.names.includes(name)))
    )
  }
  return (
    line.kind === 'command' &&
    own.kind === 'command' &&
    line.words.join('\0') === own.words.join('\0')
  )
}
