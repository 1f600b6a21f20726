import type { SourceMessage } from '../shared/message-sources.ts'

/** The result for one message. */
export type ScanAnswer = { readonly size?: number } & (
  | { readonly answer: 'clean' }
  | { readonly answer: 'infected'; readonly name: string; readonly scanner: string }
  | { readonly answer: 'unknown'; readonly why: string }
)

/** The numbers of messages by answer. */
export interface AnswerCounts {
  clean: number
  infected: number
  unknown: number
}

export function addUp(counts: AnswerCounts, { answer }: ScanAnswer): void {
  counts[answer]++
}

/** `Maildir/new/1: infected: EICAR-Test (clamd)`. */
export function resultLine(
  { file, number }: Pick<SourceMessage, 'file' | 'number'>,
  found: ScanAnswer,
): string {
  const what = number === undefined ? file : `${file} message ${number}`
  switch (found.answer) {
    case 'clean':
      return `${what}: clean`
    case 'infected':
      return `${what}: infected: ${found.name} (${found.scanner})`
    case 'unknown':
      return `${what}: could not tell: ${found.why}`
  }
}

export function inWords({ clean, infected, unknown }: AnswerCounts): string {
  const total = clean + infected + unknown
  const messages = `${total} ${total === 1 ? 'message' : 'messages'}`
  return `${messages}: ${clean} clean, ${infected} infected, ${unknown} could not tell`
}
