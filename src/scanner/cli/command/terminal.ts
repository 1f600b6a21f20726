import { once } from 'node:events'

/**
 * Characters that control a terminal, that it does not show, or that make it show something else. These are
 * control characters except line end and tab, formatting characters such as Unicode's bidi controls, and
 * those that Unicode lets every program ignore (Default_Ignorable_Code_Point). Persian needs U+200C between letters, and
 * emoji need U+200D between them and U+FE0F after them.
 */
const ACTIVE =
  /(?![\n\t])(?!(?<=[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f)(?:\u200c|\u200d)(?=[\p{L}\p{M}\p{Extended_Pictographic}]))(?!(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}\p{Cs}]/gu

/**
 * Makes text safe for a terminal. Names of files, addresses, headers and errors may hold escape
 * sequences of strangers, which a terminal would carry out. JSON keeps its meaning.
 */
export function forTerminal(text: string): string {
  return text.replace(ACTIVE, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** Does the same with text that must stay within its line: line ends and tabs are escaped, too. */
export function lineForTerminal(text: string): string {
  return forTerminal(text.replace(/[\n\t]/g, (sign) => (sign === '\n' ? '\\n' : '\\t')))
}

/** Prints what is already safe. Waits for a slow reader, so that output does not pile up. */
export async function writeOut(text: string | Buffer): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Returns whether standard output is a terminal, and its owner did not refuse colours: no-color.org. */
export function showsColours(): boolean {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Set for a process that works for root, if root's standard error is a terminal: root/run-as.ts. */
export const AT_TERMINAL = 'ONESCAN_AT_TERMINAL'

const isOfCaller = process.env[AT_TERMINAL] === '1'
delete process.env[AT_TERMINAL]

/** Returns whether a person at a terminal reads the standard error of this process, or that of root for whom it works. */
export const isAtTerminal = (): boolean => process.stderr.isTTY === true || isOfCaller
