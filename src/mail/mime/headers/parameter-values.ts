/** Returns the text after an opening quote, up to a closing one, or undefined if there is no quote. */
export function quotedIn(value: string): string | undefined {
  return /^"((?:[^"\\]|\\[\s\S])*)/.exec(value)?.[1]
}

/** Returns the text up to the first white space or semicolon. */
export function tokenIn(value: string): string {
  return /[^\s;]*/.exec(value)![0]
}

export function withoutBackslashes(text: string): string {
  return text.replace(/\\([\s\S])/g, '$1')
}

export function hasOddQuotes(value: string): boolean {
  return value.split('"').length % 2 === 0
}
