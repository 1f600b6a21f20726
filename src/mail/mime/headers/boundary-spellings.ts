import { quotedIn, tokenIn, withoutBackslashes } from './parameter-values.ts'

/** The pieces of a field from the value of a boundary on. */
interface BoundaryText {
  /** All that follows the `=`. */
  readonly value: string
  /** The text in its quotes, if it has some. */
  readonly quoted: string | undefined
  /** The text up to the first white space or semicolon. */
  readonly token: string
  /** The text in quotes, or else the token. */
  readonly raw: string
}

/** A way in which some programs read a boundary that is not split into sections. */
interface BoundarySpelling {
  readonly is: string
  /** A value that no way above reads in the same way. */
  readonly example: string
  readonly read: (text: BoundaryText) => string
}

/**
 * The ways in which programs read a boundary. The first reading looks for delimiters with any of them. The delimiters of
 * each are a feature (habits/structure-habits.ts), because each program reads it in one way.
 */
export const boundarySpellings: readonly BoundarySpelling[] = [
  {
    is: 'the value without backslashes and folds',
    example: '"a\\b"',
    read: ({ raw }) => withoutBackslashes(raw).replace(/\r?\n[ \t]?/g, ''),
  },
  { is: 'the value with backslashes', example: '"a\\b"', read: ({ raw }) => raw },
  {
    is: 'the value with a blank for each fold',
    example: '"a\n\tb"',
    read: ({ raw }) => raw.replace(/\s+/g, ' '),
  },
  {
    is: 'the value up to the end of its line',
    example: '"a\nb"',
    read: ({ value, quoted, token }) =>
      /^"?([^"\r\n]*)/.exec(quoted === undefined ? token : value)![1]!,
  },
  {
    is: 'the first word, without quotes and angle brackets',
    example: '"a b"',
    read: ({ token }) => token.replace(/["'<>]/g, ''),
  },
  {
    is: 'the value up to a comment',
    example: 'a(b)',
    read: ({ raw }) => raw.replace(/\([\s\S]*/, ''),
  },
  {
    // So c-client does, which leaves no value of `----=_x` but dashes.
    is: 'the value up to a character that no token has',
    example: 'a,b',
    read: ({ quoted, token }) => quoted ?? /^[^()<>@,;:\\"[\]/?=]*/.exec(token)![0],
  },
  {
    is: 'the line up to a semicolon, without quotes',
    example: 'a b',
    read: ({ value }) => /[^;\r\n]*/.exec(value)![0].replace(/["']/g, ''),
  },
]

/** Returns the readings of a boundary that is not split into sections, in the order of the table. */
export function spellingsOf(value: string): string[] {
  const quoted = quotedIn(value)
  const token = tokenIn(value)
  const text = { value, quoted, token, raw: quoted ?? token }
  return boundarySpellings.map(({ read }) => read(text))
}
