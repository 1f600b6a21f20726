import { styleText } from 'node:util'

/** Columns that are written to: one less than the narrowest terminal has. */
export const WIDTH = 79

export type Colour = 'plain' | 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Where lines go; process.stdout is one. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Colours a text on a terminal, unless NO_COLOR (no-color.org) is set to anything. */
export function paint({ isTTY }: Output, colour: Colour, text: string): string {
  return isTTY && colour !== 'plain' ? styleText(colour, text) : text
}

/** At most `width` printable characters; dots stand for the rest. */
export function fit(text: string, width: number): string {
  const line = printable(text)
  return line.length <= width ? line : `${line.slice(0, width - 3)}...`
}

/** The whole text, in lines of at most `width` characters, broken at blanks where there are some. */
export function wrap(text: string, width: number): string[] {
  return (
    printable(text)
      .match(new RegExp(`.{1,${width}}(?= |$)|.{1,${width}}`, 'g'))
      ?.map((line) => line.trim()) ?? []
  )
}

function printable(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/[^ -~]/g, '?')
}
